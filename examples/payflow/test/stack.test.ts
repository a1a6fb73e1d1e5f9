import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { business } from '../dashboards/business.js';
import { technical } from '../dashboards/technical.js';
import { eventually } from '../local/daemon.js';
import { ROOT } from '../local/instance.js';
import { startNginx } from '../local/nginx.js';
import { freePort } from '../local/ports.js';
import { startPrometheus } from '../local/prometheus-server.js';
import { startStack, type Stack } from '../local/stack.js';
import { ApiClient } from '../src/cli/http-client.js';
import { seedUsers, type SeededUser } from '../src/cli/seed-users.js';
import { countedByEndpoint, sumOf } from './drill/drill-verdict.js';
import { expressionsOf } from './support/dashboard-queries.js';
import { scratchFolder } from '../local/scratch.js';

const run = promisify(execFile);

/** The whole topology as real processes: nginx, two instances, PostgreSQL, Redis, Prometheus, and a receiver of traces. */
let stack: Stack;
let client: ApiClient;
let users: readonly SeededUser[];
let adminKey: string;
const dir = scratchFolder();
const spans: string[] = [];
const receiver = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  request.on('end', () => {
    if (request.url === '/v1/traces')
      spans.push(...[...text.matchAll(/"name":"([^"]+)","kind"/g)].map(([, name]) => name ?? ''));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});

before(async () => {
  const port = await freePort();
  receiver.listen(port, '127.0.0.1');
  stack = await startStack({
    dir,
    fast: true,
    limits: { rate: 2000, loginRate: 20 },
    env: {
      LOG_LEVEL: 'warn',
      PASSWORD_SCRYPT_COST: '10',
      // A busy machine is not a failure.
      DB_CONNECT_TIMEOUT_MS: '5000',
      REDIS_TIMEOUT_MS: '2000',
      LEDGER_CHECK_INTERVAL: '2',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}/v1/traces`,
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '500',
    },
  });
  client = new ApiClient(`http://127.0.0.1:${stack.nginxPorts.httpPort}`, 60_000);
  users = await seedUsers(client, 3, 1000);
  adminKey = await firstAdministrator();
});
after(async () => {
  client.close();
  await stack.stop();
  receiver.closeAllConnections();
  receiver.close();
  rmSync(dir, { recursive: true, force: true });
});

const metricsOf = async (port: number): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

/** Made by the command, as the README says. */
async function firstAdministrator(): Promise<string> {
  const env = { ...process.env, ...stack.env, ADMIN_PASSWORD: 'a long password', PASSWORD_SCRYPT_COST: '10' };
  const { stdout } = await run(
    process.execPath,
    [join(ROOT, 'dist/src/cli/create-admin.js'), 'boss', 'boss@example.com'],
    { env },
  );
  assert.match(stdout, /^Made administrator boss with id \d+\.$/m);
  const credentials = { username: 'boss', password: 'a long password' };
  const { status, body } = await client.call('POST', '/api/login', undefined, credentials);
  assert.equal(status, 200);
  return String(body['api_key']);
}

/** A read that finds nothing in the cache, and one that does. */
async function missTheCache(): Promise<void> {
  const [ann] = users;
  assert.equal(
    (await client.call('POST', '/api/cache/invalidate', adminKey, { pattern: 'user:*' })).status,
    200,
  );
  for (let n = 0; n < 2; n++)
    assert.equal((await client.call('GET', `/api/users/${ann?.id}`, ann?.key)).status, 200);
}

async function transfer(): Promise<number> {
  const [from, to] = users as [SeededUser, SeededUser];
  const body = { from_user_id: from.id, to_user_id: to.id, amount: 0.01 };
  return (await client.call('POST', '/api/transactions/transfer', from.key, body)).status;
}

test('nginx ends TLS, shows its status, and hides the metrics from the public', async () => {
  const { httpPort, httpsPort, statusPort } = stack.nginxPorts;
  const certificate = join(dir, 'nginx', 'certificate.pem');
  const { stdout } = await run('curl', [
    '-sS',
    '--cacert',
    certificate,
    `https://localhost:${httpsPort}/health/live`,
  ]);
  assert.equal((JSON.parse(stdout) as { status: string }).status, 'alive');
  const status = await fetch(`http://127.0.0.1:${statusPort}/nginx_status`);
  assert.match(await status.text(), /Active connections/);
  assert.equal((await fetch(`http://127.0.0.1:${httpPort}/metrics`)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${statusPort}/metrics`)).status, 200);
});

test('nginx balances over both instances', async () => {
  const seen = new Set<unknown>();
  await eventually(async () => {
    const { body } = await client.call('GET', '/health/live');
    seen.add(body['instance']);
    assert.equal(seen.size, 2);
  });
});

test('either instance, and nginx, answers /metrics with the same totals, which are what clients have counted', async () => {
  const count = 40;
  const start = sumOf(await metricsOf(stack.nginxPorts.statusPort), 'payflow_transactions_processed_total', {
    type: 'transfer',
  });
  for (let sent = 0; sent < count; sent += 4)
    assert.deepEqual(await Promise.all(Array.from({ length: 4 }, transfer)), [201, 201, 201, 201]);
  const ports = [...stack.instancePorts, stack.nginxPorts.statusPort];
  await eventually(async () => {
    const totals = await Promise.all(
      ports.map(async (port) =>
        sumOf(await metricsOf(port), 'payflow_transactions_processed_total', {
          type: 'transfer',
          status: 'completed',
        }),
      ),
    );
    assert.deepEqual(totals, [start + count, start + count, start + count]);
  });
});

test('the metrics have the documented names, patterns for routes, and numbers for statuses', async () => {
  await missTheCache();
  for (const name of [
    'payflow_http_requests_total',
    'payflow_http_request_duration_seconds_count',
    'payflow_database_operations_total',
    'payflow_database_operation_duration_seconds_count',
    'payflow_transactions_processed_total',
    'payflow_active_users',
    'payflow_worker_pool_queue_size',
    'payflow_worker_pool_active_workers',
    'payflow_cache_hits_total',
    'payflow_cache_misses_total',
  ]) {
    await eventually(async () =>
      assert.match(await metricsOf(stack.nginxPorts.statusPort), new RegExp(`^${name}[{ ]`, 'm')),
    );
  }
  const text = await eventually(async () => {
    const now = await metricsOf(stack.nginxPorts.statusPort);
    assert.match(now, /payflow_http_requests_total\{[^}]*method="GET"[^}]*route="\/api\/users\/:id"/);
    return now;
  });
  assert.doesNotMatch(text, /"\/api\/users\/\d+"/);
  assert.match(text, /payflow_transactions_processed_total\{[^}]*status="completed"[^}]*type="deposit"/);
  assert.match(
    text,
    /payflow_http_requests_total\{[^}]*method="POST"[^}]*route="\/api\/login"[^}]*status="200"/,
  );
});

test('each user who made a request is active, once over both instances', async () => {
  await eventually(async () => {
    for (const { id, key } of users) await client.call('GET', `/api/users/${id}`, key);
    await client.call('GET', '/api/users', adminKey);
    assert.match(await metricsOf(stack.nginxPorts.statusPort), /^payflow_active_users(?:\{[^}]*\})? 4$/m);
  });
});

test('a request is traced from the door to the statement', async () => {
  await transfer();
  await eventually(async () => {
    assert.ok(spans.includes('POST /api/transactions/transfer'), [...new Set(spans)].join(', '));
    assert.ok(
      spans.some((name) => name.startsWith('pg.query')),
      [...new Set(spans)].join(', '),
    );
  });
});

test(
  'no panel of the dashboards is dead, and every alert can be evaluated',
  { timeout: 240_000 },
  async (t) => {
    const rules = join(ROOT, 'prometheus/rules/payflow.yml');
    const prometheus = await startPrometheus(dir, await freePort(), stack.nginxPorts.statusPort, [rules], 1);
    t.after(() => prometheus.daemon.stop('SIGKILL'));
    const [ann, bob] = users as [SeededUser, SeededUser];
    // What shows on panels that are quiet on a good day: a breaker that opens, a fallback.
    await fetch(`http://127.0.0.1:${stack.fraudPorts[0]}/behaviour`, {
      method: 'POST',
      body: '{"broken": true}',
    });
    await fetch(`http://127.0.0.1:${stack.fraudPorts[1]}/behaviour`, {
      method: 'POST',
      body: '{"broken": true}',
    });
    const expressions = [business, technical].flatMap(expressionsOf);
    assert.ok(expressions.length > 25);
    let missing = expressions;
    await eventually(async () => {
      await transfer();
      await client.call('GET', `/api/users/${ann.id}`, ann.key);
      await missTheCache();
      await client.call(
        'POST',
        '/api/transactions/deposit',
        ann.key,
        { user_id: ann.id, amount: 1 },
        { 'idempotency-key': 'again' },
      );
      await client.call('POST', '/api/transactions/withdraw', bob.key, { user_id: bob.id, amount: 99_999 });
      await conflict(ann, bob);
      const results = await Promise.all(
        missing.map(async (expression) =>
          (await prometheus.query(expression)).length === 0 ? [expression] : [],
        ),
      );
      missing = results.flat();
      assert.deepEqual(missing, [], 'panels without data');
    }, 200);
    const response = await fetch(`http://127.0.0.1:${prometheus.port}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: Array<{ rules: Array<{ name: string; health: string }> }> };
    };
    const states = data.groups.flatMap(({ rules: group }) =>
      group.map(({ name, health }) => `${name} ${health}`),
    );
    assert.ok(states.length >= 10);
    assert.deepEqual(
      states.filter((state) => !state.endsWith(' ok')),
      [],
    );
  },
);

/** Payments that meet on one account. */
async function conflict(ann: SeededUser, bob: SeededUser): Promise<void> {
  const body = { from_user_id: ann.id, to_user_id: bob.id, amount: 0.01 };
  await Promise.all(
    Array.from({ length: 6 }, () => client.call('POST', '/api/transactions/transfer', ann.key, body)),
  );
}

test('nginx limits log-ins', async () => {
  const login = { username: 'nobody', password: 'guessing' };
  const statuses = await Promise.all(
    Array.from(
      { length: 120 },
      async () => (await client.call('POST', '/api/login', undefined, login)).status,
    ),
  );
  assert.ok(statuses.includes(429) && statuses.includes(401), [...new Set(statuses)].join(', '));
});

test('nginx limits the requests of one address', async (t) => {
  const ports = { httpPort: await freePort(), httpsPort: await freePort(), statusPort: await freePort() };
  const limits = { rate: 5, loginRate: 5 };
  const nginx = await startNginx(join(dir, 'limited'), ports, stack.instancePorts, limits);
  t.after(() => nginx.stop());
  const url = `http://127.0.0.1:${ports.httpPort}/api/users/${users[0]?.id}`;
  const headers = { 'x-api-key': users[0]?.key ?? '' };
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => (await fetch(url, { headers })).status),
  );
  assert.deepEqual(new Set(statuses), new Set([200, 429]));
  // Probes are not limited.
  const probes = await Promise.all(
    Array.from(
      { length: 50 },
      async () => (await fetch(`http://127.0.0.1:${ports.httpPort}/health/live`)).status,
    ),
  );
  assert.deepEqual(new Set(probes), new Set([200]));
});

test('an instance that ends in order takes nothing with it, and is not missed', async () => {
  let sent = 0;
  // Settled: the other instance may not have flushed yet what it has counted.
  const start = await countedByEndpoint(stack);
  let ended = false;
  // Payments by several clients until it is gone: nginx must not be left with a connection that is closed while it sends one.
  const sending = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!ended) {
        sent++;
        assert.equal(await transfer(), 201);
      }
    }),
  );
  await stack.instances[0]?.stop('SIGTERM').finally(() => (ended = true));
  await sending;
  assert.equal(await countedByEndpoint(stack), start + sent);
  await stack.restart(0);
});
