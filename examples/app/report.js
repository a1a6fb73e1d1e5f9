'use strict';
// A cron job: counts the orders of a day and ends. What it measured stays in the store.

const { recordJob } = require('@org/orchestrator');

const { pool, prepare } = require('./database.js');
const { log } = require('./log.js');

async function report() {
  await prepare();
  const { rows } = await pool.query(
    "SELECT count(*)::int AS orders, count(shipped)::int AS shipped FROM orders WHERE ordered > now() - interval '1 day'",
  );
  log.info(rows[0], 'orders of a day');
}

recordJob('daily-report', report)
  .catch((error) => {
    log.error({ err: error }, 'no report');
    process.exitCode = 1;
  })
  .finally(() => pool.end());
