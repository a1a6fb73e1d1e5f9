import assert from 'node:assert/strict';
import { it } from 'node:test';

import { crashRuns } from '../helpers/crash-runs.js';

/** Each hits three or four orders, one in each step: 210 orders in all. */
const KILLS = 60;

it('210 orders whose process is killed in one of their steps', async (t) => {
  const { confirmed, compensated } = await crashRuns(KILLS, (line) => t.diagnostic(line));
  t.diagnostic(
    `${KILLS} kills: ${confirmed} orders confirmed, ${compensated} compensated, no step done twice`,
  );
  assert.deepEqual({ confirmed, compensated }, { confirmed: (KILLS / 2) * 3, compensated: (KILLS / 2) * 4 });
});
