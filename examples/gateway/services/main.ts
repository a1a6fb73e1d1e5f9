import { orderService } from './order-service.js';
import { userService } from './user-service.js';

const SERVICES = { user: userService, order: orderService };

/** `node dist/services/main.js user`: one of the services, at PORT. */
async function main(): Promise<void> {
  const name = process.argv[2] as keyof typeof SERVICES;
  const create = SERVICES[name] as (typeof SERVICES)[keyof typeof SERVICES] | undefined;
  if (create === undefined) throw new Error(`which service? one of ${Object.keys(SERVICES).join(', ')}`);
  const service = create();
  const address = await service.listen(Number(process.env['PORT'] ?? 0), process.env['HOST']);
  process.stdout.write(`${JSON.stringify({ service: name, address })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void service.app.close());
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
