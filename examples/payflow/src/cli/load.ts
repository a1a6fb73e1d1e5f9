import { parseArgs } from 'node:util';

import autocannon from 'autocannon';

import { command, say } from './command.js';
import { ApiClient } from './http-client.js';
import { seedUsers } from './seed-users.js';

/**
 * `npm run load -- --url http://127.0.0.1:8000 --seconds 10 --connections 10`: health checks, reads of users and balances, and
 * transfers, one after the other, with a table of what came of them. Bounded in time and connections; meant for one's own machine.
 */
command(async () => {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8000' },
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '10' },
    },
  });
  const duration = Math.min(60, Math.max(1, Number(values.seconds)));
  const connections = Math.min(400, Math.max(1, Number(values.connections)));
  const client = new ApiClient(values.url);
  const [ann, bob] = await seedUsers(client, 2, 100_000);
  client.close();
  if (ann === undefined || bob === undefined) return;
  const headers = { 'x-api-key': ann.key, 'content-type': 'application/json' };
  const transfer = { from_user_id: ann.id, to_user_id: bob.id, amount: 0.01, description: 'load' };
  const runs = [
    { title: 'GET /health', path: '/health' },
    { title: 'GET /api/users/:id', path: `/api/users/${ann.id}`, headers },
    { title: 'GET /api/balances', path: `/api/balances?user_id=${ann.id}`, headers },
    {
      title: 'POST /api/transactions/transfer',
      path: '/api/transactions/transfer',
      method: 'POST' as const,
      headers,
      body: JSON.stringify(transfer),
    },
  ];
  say(`| ${'call'.padEnd(32)} | per second |  p50 ms |  p99 ms |   2xx |   4xx |   5xx | errors |`);
  say(`| ${'-'.repeat(32)} | ---------- | ------- | ------- | ----- | ----- | ----- | ------ |`);
  let limited = 0;
  for (const { title, path, ...options } of runs) {
    const result = await autocannon({ url: values.url + path, connections, duration, ...options });
    limited += result.statusCodeStats?.['429']?.count ?? 0;
    const cell = (value: number, width: number): string => String(Math.round(value)).padStart(width);
    say(
      `| ${title.padEnd(32)} | ${cell(result.requests.average, 10)} | ${cell(result.latency.p50, 7)} | ${cell(result.latency.p99, 7)} ` +
        `| ${cell(result['2xx'], 5)} | ${cell(result['4xx'], 5)} | ${cell(result['5xx'], 5)} | ${cell(result.errors, 6)} |`,
    );
  }
  if (limited > 0)
    say(
      `\nnginx refused ${limited} of them with 429: it lets so many requests per second of one address through. Send the load to an instance to measure that.`,
    );
});
