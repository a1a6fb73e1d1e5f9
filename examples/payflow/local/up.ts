import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { command, say } from '../src/cli/command.js';
import { ApiClient } from '../src/cli/http-client.js';
import { seedUsers } from '../src/cli/seed-users.js';
import { scratchFolder } from './scratch.js';
import { ROOT } from './instance.js';
import { freePort } from './ports.js';
import { providePrograms } from './programs.js';
import { startPrometheus } from './prometheus-server.js';
import { startStack } from './stack.js';

/** `npm start`: the HA topology as processes of this machine, with two users, until Ctrl+C. */
command(async () => {
  providePrograms();
  const dir = scratchFolder();
  say(
    'Starting PostgreSQL (a primary, two replicas), Redis (a primary, a replica), two instances, nginx, Prometheus …',
  );
  const stack = await startStack({ dir });
  const { httpPort, httpsPort, statusPort } = stack.nginxPorts;
  const rules = join(ROOT, 'prometheus/rules/payflow.yml');
  const prometheus = await startPrometheus(dir, await freePort(), statusPort, [rules]);
  const base = `http://127.0.0.1:${httpPort}`;
  const client = new ApiClient(base);
  const [ann, bob] = await seedUsers(client, 2, 1000);
  client.close();
  const postgres = stack.postgres.nodes.map(({ port }) => port);
  const [primary, replica] = [stack.redis.primary.port, stack.redis.replica.port];
  say(`
API          ${base}, https://127.0.0.1:${httpsPort} (OpenAPI: ${base}/openapi.json)
nginx        http://127.0.0.1:${statusPort}/nginx_status
metrics      http://127.0.0.1:${statusPort}/metrics, of both instances together
Prometheus   http://127.0.0.1:${prometheus.port}
instances    ${stack.instancePorts.map((port) => `http://127.0.0.1:${port}`).join(', ')}
PostgreSQL   ${postgres.join(', ')} (the first is the primary)
Redis        ${primary}, ${replica} (the first is the primary)
logs         ${dir}

User ${ann?.id} has 1,000.00 EUR and the key ${ann?.key}
User ${bob?.id} has 1,000.00 EUR and the key ${bob?.key}

curl -s -H 'X-API-Key: ${ann?.key}' '${base}/api/balances?user_id=${ann?.id}'
npm run load -- --url http://127.0.0.1:${stack.instancePorts[0]}

Variables for npm run create-admin, failover and migrate:
${Object.entries(stack.env)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}

A failover: those variables, and
npm run failover -- --fence 'kill -QUIT $(head -1 ${stack.postgres.first.dir}/data/postmaster.pid)'

Ctrl+C ends everything.`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  say('Ending …');
  await prometheus.daemon.stop('SIGKILL');
  await stack.stop();
  rmSync(dir, { recursive: true, force: true });
});
