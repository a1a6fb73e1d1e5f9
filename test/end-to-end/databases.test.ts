import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { type Environment, startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import type { Exposition } from '../helpers/exposition.js';
import { startMariadb } from '../helpers/mariadb.js';
import { suiteOwner } from '../helpers/owner.js';
import { startPostgres } from '../helpers/postgres.js';
import { startRedis } from '../helpers/redis.js';
import { assertSameBehaviour } from '../register/same-behaviour.js';
import { CLIENT_KIND, OtlpReceiver } from '../instrumentation/spans/otlp-receiver.js';
import { watchedProject } from './project.js';
import { SHARED_STORES } from './stores.js';

const DURATION = 'db_client_operation_duration_seconds';

/** What the fixtures do: system, operation, error and how often. INFO is ioredis' own, when it has connected. */
const POSTGRES = ['postgresql SELECT 2', 'postgresql SELECT 42P01 1'];
const MYSQL = ['mysql SELECT 2', 'mysql SELECT ER_NO_SUCH_TABLE 1'];
const IOREDIS = ['redis GET 2', 'redis INFO 1', 'redis LPUSH WRONGTYPE 1'];
const REDIS = ['redis HGET 2', 'redis MULTI 1'];
const BOTH_OF_REDIS = ['redis SET 2'];
const EVERYTHING = [...MYSQL, ...POSTGRES, ...IOREDIS, ...REDIS, ...BOTH_OF_REDIS].toSorted();
const ALL_DRIVERS = { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'ioredis,mysql2,pg,redis' };

function operations(seen: Exposition): string[] {
  const counts = new Map<string, number>();
  for (const { labels, value } of seen.samples(`${DURATION}_count`)) {
    const { db_system_name: system, db_operation_name: operation, error_type: error } = labels;
    const key = [system, operation, error].filter((part) => part !== undefined).join(' ');
    counts.set(key, (counts.get(key) ?? 0) + value);
  }
  return Array.from(counts, ([key, count]) => `${key} ${count}`).toSorted();
}

describe('databases', () => {
  const owner = suiteOwner();
  let servers: Environment;
  let mysqlPool: string;

  before(async () => {
    const [redis, mysql, postgres] = await Promise.all([
      startRedis(owner),
      startMariadb(owner),
      startPostgres(owner),
    ]);
    servers = { DATABASE_URL: postgres, MYSQL_URL: mysql, CACHE_URL: redis.url };
    mysqlPool = new URL(mysql).host + new URL(mysql).pathname;
  });

  for (const fixture of ['databases.cjs', 'databases.mjs']) {
    for (const store of SHARED_STORES) {
      test(`${fixture}: every operation is counted once, and none of the ${store} store's own`, async (t) => {
        const { env, look } = await watchedProject(t, store);
        const app = startApp(t, fixture, { env: { ...env, ...servers, ...ALL_DRIVERS } });
        await app.waitFor(/^done$/m);
        await eventually(async () => assert.deepEqual(operations(await look()), EVERYTHING));
        const seen = await look();
        const { CACHE_URL: cache = '', MYSQL_URL: mysql = '' } = servers;
        for (const [system, namespace, url] of [
          ['redis', '0', cache],
          ['mysql', 'shop', mysql],
        ] as const) {
          const { hostname, port } = new URL(url);
          const where = { db_namespace: namespace, server_address: hostname, server_port: port };
          assert.ok(
            seen
              .samples(`${DURATION}_count`, { db_system_name: system })
              .every(({ labels }) => Object.entries(where).every(([name, value]) => labels[name] === value)),
          );
        }
        // One family with one set of buckets, whoever measures.
        const bounds = seen.samples(`${DURATION}_bucket`).map(({ labels }) => labels['le']);
        assert.equal(new Set(bounds).size, 10);
        const state = (name: string): number =>
          seen.sum('db_client_connection_count', {
            db_client_connection_pool_name: mysqlPool,
            db_client_connection_state: name,
          });
        assert.deepEqual({ used: state('used'), idle: state('idle') }, { used: 1, idle: 1 });
        assert.equal(seen.samples('db_client_connection_pending_requests').length, 2, 'pg and mysql2');
        const { code, stdout, stderr } = await app.end('SIGTERM');
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^closed$/m);
        assert.doesNotMatch(stderr, /warn:/);
      });
    }
  }

  test('with traces there are spans, and every operation is still counted once', async (t) => {
    const receiver = new OtlpReceiver();
    const endpoint = await receiver.listen();
    t.after(() => receiver.close());
    const { env, look } = await watchedProject(t, 'redis');
    const traces = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`,
    };
    const app = startApp(t, 'databases.cjs', { env: { ...env, ...servers, ...traces, ...ALL_DRIVERS } });
    await app.waitFor(/^done$/m);
    await eventually(async () => assert.deepEqual(operations(await look()), EVERYTHING));
    await app.end('SIGTERM');
    const systems = receiver.spans
      .filter(({ kind }) => kind === CLIENT_KIND)
      .map(({ attributes }) => attributes['db.system'] ?? attributes['db.system.name']);
    for (const system of ['mysql', 'postgresql', 'redis'])
      assert.ok(systems.includes(system), String(systems));
  });

  test('a command of ioredis that fails unseen ends the process as without us, for nobody asked for ioredis', async (t) => {
    await assertSameBehaviour(t, { name: '', fixture: 'redis-unseen-failure.cjs', env: servers });
  });

  test('OTEL_NODE_DISABLED_INSTRUMENTATIONS names drivers that are not measured, without traces too', async (t) => {
    const { env, look } = await watchedProject(t);
    const app = startApp(t, 'databases.cjs', {
      env: { ...env, ...servers, OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'pg, mysql2' },
    });
    await app.waitFor(/^done$/m);
    const rest = [...REDIS, 'redis SET 1'].toSorted();
    await eventually(async () => assert.deepEqual(operations(await look()), rest));
    await app.end('SIGTERM');
    assert.deepEqual(operations(await look()), rest);
  });
});
