import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { instrumentDatabases } from '../../src/instrumentation/databases.js';
import { CollectedMetrics } from './collected-metrics.js';

interface Pool {
  query(text: string): Promise<{ rows: unknown[] }>;
  end(): Promise<void>;
}

test('PostgreSQL: durations by operation and the state of the pool, without traces', async (context) => {
  const metrics = new CollectedMetrics();
  const instrumentation = instrumentDatabases(__filename, metrics.provider);
  context.after(async () => {
    instrumentation.stop();
    await metrics.shutdown();
  });
  // Loaded after the instrumentation, as an application's own code is.
  const { Pool: PgPool } = createRequire(__filename)('pg') as { Pool: new (options: object) => Pool };
  const pool = new PgPool({ host: '127.0.0.1', port: 5432, user: 'postgres', database: 'postgres', max: 2 });
  context.after(() => pool.end());
  await pool.query('SELECT 1');
  await pool.query('SELECT 2');
  await assert.rejects(pool.query('SELECT * FROM missing_table'));
  const durations = await metrics.series('db.client.operation.duration');
  const counts = Object.entries(durations);
  assert.equal(
    counts.reduce((sum, [, count]) => sum + count, 0),
    3,
  );
  for (const [series] of counts) {
    assert.match(series, /db\.operation\.name=SELECT/);
    assert.match(series, /db\.system\.name=postgresql/);
  }
  const connections = await metrics.series('db.client.connection.count');
  assert.ok(
    Object.keys(connections).some((series) => series.includes('idle')),
    JSON.stringify(connections),
  );
  assert.ok(Object.keys(await metrics.series('db.client.connection.pending_requests')).length > 0);
});
