'use strict';
// Ships orders. The table is the queue: each worker takes an order that no other one holds.

const { setTimeout: sleep } = require('node:timers/promises');

const { observeQueue, recordJob } = require('@org/orchestrator');

const { pool, prepare } = require('./database.js');
const { log } = require('./log.js');

const IDLE_MS = 500;
const stop = new AbortController();

/** What BullMQ's queues have and `observeQueue` asks for. */
const orders = {
  name: 'orders',
  async getJobCounts() {
    const { rows } = await pool.query('SELECT count(*)::int AS waiting FROM orders WHERE shipped IS NULL');
    return rows[0];
  },
};

/** Answers false when there was nothing to do. */
async function shipOne() {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query(
      'SELECT id, product FROM orders WHERE shipped IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED',
    );
    if (rows.length > 0) {
      await recordJob('ship-order', () => ship(client, rows[0])).catch((error) =>
        log.error({ err: error, order: rows[0].id }, 'not shipped'),
      );
    }
    await client.query('COMMIT');
    return rows.length > 0;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function ship(client, order) {
  await sleep(10 + Math.random() * 80);
  await client.query('UPDATE orders SET shipped = now() WHERE id = $1', [order.id]);
  if (order.product > 8)
    throw new Error(`There is no product ${order.product}; order ${order.id} is closed.`);
  log.info({ order: order.id }, 'shipped');
}

async function main() {
  await prepare();
  const stopObserving = observeQueue(orders);
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort());
  log.info('waiting for orders');
  while (!stop.signal.aborted) {
    const busy = await shipOne().catch((error) => log.error({ err: error }, 'no database'));
    if (busy !== true) await sleep(IDLE_MS, undefined, { signal: stop.signal }).catch(() => {});
  }
  stopObserving();
  await pool.end();
}

main().catch((error) => {
  log.fatal({ err: error }, 'could not start');
  process.exitCode = 1;
});
