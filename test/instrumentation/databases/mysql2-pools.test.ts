import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createPool, type Pool, type PoolOptions } from 'mysql2/promise';

import { instrumentMysql2Pools } from '../../../src/instrumentation/databases/mysql2-pools.js';
import { eventually } from '../../helpers/eventually.js';
import { startMariadb } from '../../helpers/mariadb.js';
import { type Owner, suiteOwner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { CollectedMetrics } from '../collected-metrics.js';

interface PoolState {
  readonly used: number | undefined;
  readonly idle: number | undefined;
  readonly pending: number | undefined;
}

describe('pools of mysql2', () => {
  const owner = suiteOwner();
  let url: URL;

  before(async () => {
    url = new URL(await startMariadb(owner));
  });

  function open(t: Owner, options: PoolOptions = {}): Pool {
    const pool = createPool({ uri: url.href, connectionLimit: 2, ...options });
    t.after(() => pool.end().catch(() => undefined));
    return pool;
  }

  /** Counts from now on; the answer waits for a state. */
  function measure(t: Owner): (expected: PoolState, name?: string) => Promise<void> {
    const metrics = new CollectedMetrics();
    const instrumentation = instrumentMysql2Pools(metrics.meter);
    t.after(async () => {
      instrumentation.stop();
      await metrics.shutdown();
    });
    return (expected, name = `${url.host}/shop`) =>
      eventually(async () => {
        const label = `db.client.connection.pool.name=${name}`;
        const count = await metrics.series('db.client.connection.count');
        const pending = await metrics.series('db.client.connection.pending_requests');
        const found = {
          used: count[`${label},db.client.connection.state=used`],
          idle: count[`${label},db.client.connection.state=idle`],
          pending: pending[label],
        };
        assert.deepEqual(found, expected);
      });
  }

  test('used, idle and waited for', async (t) => {
    const state = measure(t);
    const pool = open(t);
    const first = await pool.getConnection();
    await state({ used: 1, idle: 0, pending: 0 });
    const second = await pool.getConnection();
    const third = pool.getConnection();
    await state({ used: 2, idle: 0, pending: 1 });
    first.release();
    const granted = await third;
    await state({ used: 2, idle: 0, pending: 0 });
    second.release();
    granted.release();
    await state({ used: 0, idle: 2, pending: 0 });
    await pool.query('SELECT 1');
    await assert.rejects(pool.query('SELECT * FROM missing'));
    await assert.rejects(pool.execute('SELECT * FROM missing'));
    await state({ used: 0, idle: 2, pending: 0 });
    await pool.end();
    await state({ used: 0, idle: 0, pending: 0 });
  });

  test('connections that are destroyed, by either side', async (t) => {
    const state = measure(t);
    const pool = open(t);
    const destroyed = await pool.getConnection();
    const killed = await pool.getConnection();
    destroyed.destroy();
    await state({ used: 1, idle: 0, pending: 0 });
    await pool.query(`KILL ${killed.threadId}`);
    await state({ used: 0, idle: 1, pending: 0 });
  });

  test('connections that the pool closes when they are idle', async (t) => {
    const state = measure(t);
    const pool = open(t, { maxIdle: 1, idleTimeout: 100 });
    await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 2')]);
    await state({ used: 0, idle: 0, pending: 0 });
  });

  test('pools with the same server and database are one, another database is another', async (t) => {
    const state = measure(t);
    const pools = [open(t), open(t), open(t, { database: 'mysql' })];
    for (const pool of pools) await pool.query('SELECT 1');
    await state({ used: 0, idle: 2, pending: 0 });
    await state({ used: 0, idle: 1, pending: 0 }, `${url.host}/mysql`);
  });

  test('a server that is not there', async (t) => {
    const state = measure(t);
    const port = await freePort();
    const pool = createPool({ host: '127.0.0.1', port, user: 'root' });
    t.after(() => pool.end());
    await assert.rejects(pool.query('SELECT 1'));
    await state({ used: 0, idle: 0, pending: 0 }, `127.0.0.1:${port}/unknown_database`);
  });
});
