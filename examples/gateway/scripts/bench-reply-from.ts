import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';

/** `node dist/scripts/bench-reply-from.js <base URL>`: a proxy that does nothing else. */
async function main(): Promise<void> {
  const base = process.argv[2];
  if (base === undefined) throw new Error('which base URL?');
  const app = fastify();
  await app.register(replyFrom, { base });
  app.all('/*', (request, reply) => reply.from(request.url));
  process.stdout.write(`${JSON.stringify({ address: await app.listen({ host: '127.0.0.1', port: 0 }) })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
