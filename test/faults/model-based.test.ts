import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SHARED_STORES } from '../end-to-end/stores.js';
import { check } from './check.js';

/** For each store, both at once; `npm run test:faults` takes as long as it is told. */
const TIME_MS = 40_000;

describe(
  'what processes record through faults and ends is what a scrape shows',
  { concurrency: true },
  () => {
    for (const store of SHARED_STORES)
      test(`on the ${store} store`, { timeout: 540_000 }, async (t) => {
        const seed = Date.now() % 1_000_000;
        const { schedules, operations } = await check(t, { store, seed, ms: TIME_MS });
        assert.ok(operations > 0);
        t.diagnostic(`seed ${seed}: ${schedules} schedules, ${operations} operations`);
      });
  },
);
