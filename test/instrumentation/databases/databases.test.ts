import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { Redis } from 'ioredis';
import { createClient } from 'redis';

import {
  type DatabaseOptions,
  instrumentDatabases,
} from '../../../src/instrumentation/databases/databases.js';
import { startMariadb } from '../../helpers/mariadb.js';
import type { Owner } from '../../helpers/owner.js';
import { startPostgres } from '../../helpers/postgres.js';
import { startRedis } from '../../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../../helpers/scratch.js';
import { CollectedMetrics } from '../collected-metrics.js';

interface PgPool {
  query(text: string): Promise<{ rows: unknown[] }>;
  end(): Promise<void>;
}

/** Of mysql, which has no types of its own. */
interface MysqlPool {
  query(text: string, callback: (error: Error | null) => void): void;
  end(callback: () => void): void;
}

function measure(owner: Owner, options: Partial<DatabaseOptions> = {}): CollectedMetrics {
  const metrics = new CollectedMetrics();
  const { meter, provider: meterProvider } = metrics;
  const instrumentation = instrumentDatabases({ main: __filename, meter, meterProvider, ...options });
  owner.after(async () => {
    instrumentation.stop();
    await metrics.shutdown();
  });
  return metrics;
}

test('PostgreSQL: durations by operation and the state of the pool, without traces', async (t) => {
  const connectionString = await startPostgres(t);
  const metrics = measure(t);
  // Loaded after the instrumentation, as an application's own code is.
  const { Pool } = createRequire(__filename)('pg') as { Pool: new (options: object) => PgPool };
  const pool = new Pool({ connectionString, max: 2 });
  t.after(() => pool.end());
  await pool.query('SELECT 1');
  // Of a statement in several lines upstream takes the text up to the first space.
  await pool.query("SELECT\n'secret'");
  const connections = await metrics.series('db.client.connection.count');
  assert.ok(
    Object.keys(connections).some((series) => series.includes('idle')),
    JSON.stringify(connections),
  );
  await assert.rejects(pool.query('SELECT * FROM missing_table'));
  const { port } = new URL(connectionString);
  const server = `server.address=127.0.0.1,server.port=${port}`;
  const operation = 'db.namespace=postgres,db.operation.name=SELECT,db.system.name=postgresql';
  assert.deepEqual(await metrics.series('db.client.operation.duration'), {
    [`${operation},${server}`]: 2,
    [`${operation},error.type=42P01,${server}`]: 1,
  });
  assert.ok(Object.keys(await metrics.series('db.client.connection.pending_requests')).length > 0);
});

/** A PING through each client of Redis; the drivers whose PING was counted. */
async function pings(t: Owner, metrics: CollectedMetrics): Promise<string[]> {
  const { url } = await startRedis(t);
  const byIoredis = new Redis(`${url}/1`);
  t.after(() => byIoredis.disconnect());
  const byRedis = createClient({ url: `${url}/2` });
  await byRedis.connect();
  await byIoredis.ping();
  await byRedis.ping();
  await byRedis.close();
  const series = Object.keys(await metrics.series('db.client.operation.duration'));
  const counted = (database: number): boolean =>
    series.some((each) => each.startsWith(`db.namespace=${database},db.operation.name=PING`));
  return [counted(1) ? 'ioredis' : '', counted(2) ? 'redis' : ''].filter((driver) => driver !== '');
}

/** The main file of an application that has every package and declares these. */
function applicationWith(t: Owner, dependencies: readonly string[]): string {
  const dir = scratchDir(t, 'app');
  symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(dir, 'node_modules'));
  const declared = Object.fromEntries(dependencies.map((name) => [name, '*']));
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ dependencies: declared }));
  return join(dir, 'main.js');
}

test('mysql: the state of the pool', async (t) => {
  const url = new URL(await startMariadb(t));
  const metrics = measure(t);
  const { createPool } = createRequire(__filename)('mysql') as { createPool: (url: string) => MysqlPool };
  const pool = createPool(url.href);
  t.after(() => new Promise<void>((resolve) => pool.end(() => resolve())));
  await new Promise<void>((resolve, reject) =>
    pool.query('SELECT 1', (error) => (error === null ? resolve() : reject(error))),
  );
  const connections = await metrics.series('db.client.connection.count');
  const idle = Object.keys(connections).filter((series) => series.includes('state=idle'));
  assert.deepEqual(
    idle.map((series) => connections[series]),
    [1],
    JSON.stringify(connections),
  );
});

const ALL = ['ioredis', 'redis'];

for (const declared of [ALL, ['ioredis'], ['redis'], []]) {
  test(`an application that declares ${declared.join(' and ') || 'no driver'}`, async (t) => {
    const options = { main: applicationWith(t, declared), enabled: ALL };
    assert.deepEqual(await pings(t, measure(t, options)), declared);
  });
}

const CHOICES: ReadonlyArray<
  readonly [what: string, options: Partial<DatabaseOptions>, measured: readonly string[]]
> = [
  ['nothing said, which leaves out ioredis', {}, ['redis']],
  ['some disabled', { disabled: ['redis', 'pg'] }, []],
  ['some enabled', { enabled: ['ioredis', 'pg'] }, ['ioredis']],
  ['others enabled', { enabled: ['http'] }, []],
  ['one enabled and disabled', { enabled: ['redis', 'ioredis'], disabled: ['redis'] }, ['ioredis']],
  // They bring the upstream instrumentations, but what drivers publish is measured all the same.
  ['traces', { meterProvider: undefined, enabled: ALL }, ALL],
];

for (const [what, options, measured] of CHOICES) {
  test(`with ${what}`, async (t) => {
    assert.deepEqual(await pings(t, measure(t, options)), measured);
  });
}
