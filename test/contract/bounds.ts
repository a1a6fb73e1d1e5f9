import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OVERFLOW_SERIES } from '../../src/model/series.js';
import {
  add,
  added,
  assertValues,
  type Bed,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  SHORT_MS,
  upDownCounter,
} from './bed.js';

const requests = counter('requests');
const OVERFLOW = 'otel.metric.overflow=true';
const user = (id: number) => series({ user: String(id) });

/** Three users' values; the first is the newest. */
const points = (shift: number) => [
  now(user(1), shift + 1),
  now(user(2), shift + 2, 30_000),
  now(user(3), shift + 3, 60_000),
];

/** Promises 4 and 5: what keeps a project bounded. */
export function boundsContract(bed: () => Bed): void {
  test('what exceeds the cap is summed into the overflow series, and counted', async () => {
    const [a, b] = [await bed().instance({ maxSeries: 3 }), await bed().instance({ maxSeries: 3 })];
    const first = await a.send({
      deltas: [added(requests, ...[1, 2, 3, 4, 5].map((id) => add(user(id), 1)))],
    });
    assert.equal(first.overflowed, 2);
    const second = await b.send({ deltas: [added(requests, add(user(1), 10), add(user(6), 100))] });
    assert.equal(second.overflowed, 1);
    assert.equal((await a.send({ deltas: [added(requests, add(user(3), 1))] })).overflowed, 0);
    await assertValues(a, { requests: { 'user=1': [11], 'user=2': [1], 'user=3': [2], [OVERFLOW]: [102] } });
    const listed = (await a.store.snapshot()).families[0]?.series ?? [];
    assert.deepEqual(
      listed.map((point) => point.series).find((one) => one.id === OVERFLOW_SERIES.id),
      OVERFLOW_SERIES,
    );
  });

  test('histograms overflow bucket by bucket, and each family has its own cap', async () => {
    const a = await bed().instance({ maxSeries: 1 });
    const h = histogram('h', [1]);
    const { overflowed } = await a.send({
      deltas: [
        added(requests, add(user(1), 1)),
        added(h, add(user(1), 1, 1, 0), add(user(2), 2, 0, 1), add(user(3), 4, 1, 1)),
      ],
    });
    assert.equal(overflowed, 2);
    await assertValues(a, { requests: { 'user=1': [1] }, h: { 'user=1': [1, 1, 0], [OVERFLOW]: [6, 1, 2] } });
  });

  test('a batch that is sent again overflows nothing again', async () => {
    const a = await bed().instance({ maxSeries: 1 });
    await a.send({ deltas: [added(requests, add(user(1), 1), add(user(2), 1))] });
    await a.sendAgain();
    await assertValues(a, { requests: { 'user=1': [1], [OVERFLOW]: [1] } });
  });

  test('of current values, up-down counters overflow by sum and gauges by the newest', async () => {
    const [a, b] = [await bed().instance({ maxSeries: 1 }), await bed().instance({ maxSeries: 1 })];
    const families = [upDownCounter('u'), gauge('g', 'max'), gauge('k', 'keep')];
    for (const [instance, shift] of [
      [a, 0],
      [b, 10],
    ] as const) {
      const sent = await instance.send({ current: families.map((one) => reported(one, ...points(shift))) });
      assert.equal(sent.overflowed, 6);
      await bed().moment();
    }
    await assertValues(a, {
      u: { 'user=1': [12], [OVERFLOW]: [30] },
      g: { 'user=1': [11], [OVERFLOW]: [12] },
      k: { 'user=1': [11], [OVERFLOW]: [12] },
    });
  });

  test('what an instance has summed beyond its own limit joins what the project sums, and is not counted again', async () => {
    const a = await bed().instance({ maxSeries: 1 });
    const current = (second: number, beyond: number) => [
      reported(upDownCounter('u'), now(user(1), 1), now(user(2), second), now(OVERFLOW_SERIES, beyond)),
      reported(gauge('g', 'max'), now(user(1), 1), now(user(2), 2, 30_000), now(OVERFLOW_SERIES, beyond)),
    ];
    const { overflowed } = await a.send({
      deltas: [added(requests, add(user(1), 1), add(user(2), 2), add(OVERFLOW_SERIES, 4))],
      current: current(2, 4),
    });
    assert.equal(overflowed, 3);
    // What the project refused is remembered; what the instance says of itself still counts.
    for (const [second, beyond] of [
      [2, 4],
      [3, 4],
      [3, 5],
    ] as const) {
      await a.send({ current: current(second, beyond) });
      await assertValues(a, {
        requests: { 'user=1': [1], [OVERFLOW]: [6] },
        u: { 'user=1': [1], [OVERFLOW]: [second + beyond] },
        g: { 'user=1': [1], [OVERFLOW]: [beyond] },
      });
    }
  });

  test('a series that is not written leaves the snapshot, and one that is written stays', async () => {
    const options = { ttlMs: SHORT_MS * 8 };
    const a = await bed().instance(options);
    const job = gauge('job', 'keep');
    await a.send({
      deltas: [added(requests, add(user(1), 1), add(user(2), 1))],
      current: [reported(job, now(series(), 1))],
    });
    let written = 1;
    await bed().after(options.ttlMs / 2, async () => {
      await a.send({ deltas: [added(requests, add(user(1), 1))] });
      written += 1;
    });
    await bed().after(options.ttlMs / 2, async () => {
      const reader = await bed().instance(options);
      await a.send({ deltas: [added(requests, add(user(1), 1))] });
      written += 1;
      await assertValues(reader, { requests: { 'user=1': [written] } });
    });
  });

  test('swept series make room, and begin again from zero with a new start time', async () => {
    const options = { ttlMs: SHORT_MS, leaseMs: SHORT_MS, maxSeries: 2 };
    const [a, b] = [await bed().instance(options), await bed().instance({ ...options, ttlMs: 3_600_000 })];
    const current = [reported(upDownCounter('u'), now(user(1), 1), now(user(2), 1))];
    await a.send({ deltas: [added(requests, add(user(1), 5), add(user(2), 5))], current });
    const before = (await b.store.snapshot()).families[0]?.series[0]?.startMs ?? 0;
    assert.ok(before > 0);
    const reader = await bed().instance(options);
    await bed().after(SHORT_MS, () => assertValues(reader, {}));
    await a.store.sweep();
    const again = {
      deltas: [added(requests, add(user(2), 1), add(user(3), 1))],
      current: [reported(upDownCounter('u'), now(user(3), 1), now(user(4), 1))],
    };
    assert.equal((await b.send(again)).overflowed, 0);
    const family = (await b.store.snapshot()).families.find((one) => one.family.name === 'requests');
    assert.deepEqual(
      family?.series.map((point) => point.values[0]),
      [1, 1],
    );
    for (const point of family?.series ?? []) assert.ok(point.startMs > before);
  });

  test('a sweep leaves alone what lives', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const sent = {
      deltas: [added(requests, add(user(1), 5))],
      current: [reported(gauge('g', 'max'), now(series(), 1))],
    };
    await a.send(sent);
    await b.send(sent);
    await Promise.all([a.store.sweep(), b.store.sweep()]);
    await a.store.sweep();
    await assertValues(b, { requests: { 'user=1': [10] }, g: { '': [1] } });
  });
}
