import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  add,
  added,
  assertValues,
  type Bed,
  counter,
  gauge,
  now,
  reported,
  series,
  SHORT_MS,
  upDownCounter,
} from './bed.js';

const HOUR_MS = 3_600_000;
const active = upDownCounter('active');
const requests = counter('requests');

/** Leases, locks and expiry do not follow the wall clock of a process, which an administrator or NTP may set. */
export function clockContract(bed: () => Bed): void {
  for (const [direction, ms] of [
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ] as const) {
    test(`set ${direction} by an hour ends no lease, no lock and no series`, async (t) => {
      const options = { leaseMs: 60_000, ttlMs: HOUR_MS / 2 };
      const [a, b] = [await bed().instance(options), await bed().instance(options)];
      await a.send({
        deltas: [added(requests, add(series(), 1))],
        current: [reported(active, now(series(), 5)), reported(gauge('job', 'keep'), now(series(), 7))],
      });
      assert.equal(await a.store.acquireLock('host', 60_000), true);
      const wallClock = Date.now;
      t.mock.method(Date, 'now', () => wallClock() + ms);
      await b.send({ current: [reported(active, now(series(), 2))] });
      const late = await bed().instance(options);
      await late.send({ current: [reported(active, now(series(), 1))] });
      for (const one of [b, late]) {
        await one.store.sweep();
        assert.equal(await one.store.acquireLock('host', 60_000), false);
        await assertValues(one, { requests: { '': [1] }, active: { '': [8] }, job: { '': [7] } });
      }
      t.mock.restoreAll();
      await a.send({ current: [reported(active, now(series(), 5))] });
      await assertValues(a, { requests: { '': [1] }, active: { '': [8] }, job: { '': [7] } });
    });

    test(`set ${direction} by an hour keeps no lease, no lock and no series`, async (t) => {
      const [a, b] = [
        await bed().instance({ leaseMs: SHORT_MS, ttlMs: SHORT_MS }),
        await bed().instance({ ttlMs: SHORT_MS }),
      ];
      await a.send({
        deltas: [added(requests, add(series(), 1))],
        current: [reported(active, now(series(), 5))],
      });
      assert.equal(await a.store.acquireLock('host', SHORT_MS), true);
      const wallClock = Date.now;
      t.mock.method(Date, 'now', () => wallClock() + ms);
      const late = await bed().instance({ ttlMs: SHORT_MS });
      for (const one of [b, late]) await one.send({ current: [reported(active, now(series(), 1))] });
      await bed().after(SHORT_MS * 2, async () => {
        await assertValues(late, { active: { '': [2] } });
        assert.equal(await b.store.acquireLock('host', 60_000), true);
      });
    });
  }
}
