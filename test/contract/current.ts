import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Attributes } from '../../src/model/series.js';
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

const active = upDownCounter('active');
const requests = counter('requests');

/** Promise 2: up-down counters, gauges, leases. */
export function currentContract(bed: () => Bed): void {
  test('up-down counters are the sum of what each live instance says now', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({
      current: [reported(active, now(series({ pool: 'x' }), 5), now(series({ pool: 'y' }), 1))],
    });
    await b.send({ current: [reported(active, now(series({ pool: 'x' }), 2))] });
    await assertValues(a, { active: { 'pool=x': [7], 'pool=y': [1] } });
    await a.send({ current: [reported(active, now(series({ pool: 'x' }), -3))] });
    await assertValues(b, { active: { 'pool=x': [-1] } });
  });

  test('gauges of several instances: instance, sum, min, max, avg, last, keep', async () => {
    const ids: readonly Attributes[] = ['one', 'two', 'three'].map((id) => [['service.instance.id', id]]);
    const modes = ['instance', 'sum', 'min', 'max', 'avg', 'last', 'keep'] as const;
    // The second instance saw its value last, whatever the order of the batches.
    for (const [index, [value, ageMs]] of (
      [
        [4, 60_000],
        [1, 0],
        [7, 120_000],
      ] as const
    ).entries()) {
      const instance = await bed().instance({ resource: ids[index] ?? [] });
      await instance.send({
        current: modes.map((mode) => reported(gauge(mode, mode), now(series({ a: 'b' }), value, ageMs))),
      });
    }
    await assertValues(await bed().instance(), {
      instance: {
        'a=b,service.instance.id=one': [4],
        'a=b,service.instance.id=two': [1],
        'a=b,service.instance.id=three': [7],
      },
      sum: { 'a=b': [12] },
      min: { 'a=b': [1] },
      max: { 'a=b': [7] },
      avg: { 'a=b': [4] },
      last: { 'a=b': [1] },
      keep: { 'a=b': [1] },
    });
  });

  test('instances that share a service.instance.id are told apart', async () => {
    const resource: Attributes = [['service.instance.id', 'same']];
    const [a, b] = [await bed().instance({ resource }), await bed().instance({ resource })];
    for (const [instance, value] of [
      [a, 1],
      [b, 2],
    ] as const) {
      await instance.send({ current: [reported(gauge('g', 'instance'), now(series(), value))] });
    }
    const [family] = (await a.store.snapshot()).families;
    assert.deepEqual(family?.series.map((point) => point.values[0]).toSorted(), [1, 2]);
    assert.equal(new Set(family.series.map((point) => point.series.attributes[0]?.[1])).size, 2);
  });

  test('numbers that are not finite are kept', async () => {
    const a = await bed().instance();
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    await a.send({
      current: ['last', 'keep'].map((mode) =>
        reported(
          gauge(mode, mode === 'last' ? 'last' : 'keep'),
          ...values.map((value) => now(series({ v: String(value) }), value)),
        ),
      ),
    });
    const expected = Object.fromEntries(values.map((value) => [`v=${value}`, [value]]));
    await assertValues(a, { last: expected, keep: expected });
  });

  test('what an instance no longer reports is gone with its next batch, but for keep', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({
      current: [
        reported(gauge('g', 'max'), now(series({ n: '1' }), 1), now(series({ n: '2' }), 2)),
        reported(gauge('k', 'keep'), now(series(), 3)),
      ],
    });
    await a.send({ current: [reported(gauge('g', 'max'), now(series({ n: '2' }), 2))] });
    await assertValues(b, { g: { 'n=2': [2] }, k: { '': [3] } });
  });

  test('ending the lease takes current values away at once; counters and keep stay; a new batch brings them back', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const current = [
      reported(active, now(series(), 5)),
      reported(gauge('g', 'instance'), now(series(), 1)),
      reported(gauge('job', 'keep'), now(series(), 42)),
    ];
    await a.send({ deltas: [added(requests, add(series(), 3))], current });
    await a.store.endLease();
    await assertValues(b, { requests: { '': [3] }, job: { '': [42] } });
    assert.equal((await b.store.snapshot()).instances, 0);
    await a.send({ current: [reported(active, now(series(), 6))] });
    await assertValues(b, { requests: { '': [3] }, active: { '': [6] }, job: { '': [42] } });
    assert.equal((await b.store.snapshot()).instances, 1);
  });

  test('another instance ends the lease of one that was killed; one that lives all the same comes back with its next batch', async () => {
    const [a, b] = [await bed().instance(), await bed().instance({ lease: 'of-b' })];
    await a.send({ current: [reported(active, now(series(), 5))] });
    await b.send({
      deltas: [added(requests, add(series(), 3))],
      current: [reported(active, now(series(), 2))],
    });
    await assertValues(a, { active: { '': [7] }, requests: { '': [3] } });
    await a.store.endLease('of-b');
    await a.store.endLease('of-nobody');
    await assertValues(a, { active: { '': [5] }, requests: { '': [3] } });
    await assertValues(b, { active: { '': [5] }, requests: { '': [3] } });
    assert.equal((await a.store.snapshot()).instances, 1);
    await b.send({
      deltas: [added(requests, add(series(), 1))],
      current: [reported(active, now(series(), 2))],
    });
    await assertValues(a, { active: { '': [7] }, requests: { '': [4] } });
    await b.sendAgain();
    await assertValues(a, { active: { '': [7] }, requests: { '': [4] } });
  });

  test('ending a lease that never began is allowed', async () => {
    const a = await bed().instance();
    await a.store.endLease();
    assert.deepEqual((await a.store.snapshot()).families, []);
  });

  test('an instance that dies takes its current values with it when its lease ends', async () => {
    const [a, b] = [await bed().instance({ leaseMs: SHORT_MS }), await bed().instance()];
    await b.send({ current: [reported(active, now(series(), 1))] });
    await a.send({
      deltas: [added(requests, add(series(), 3))],
      current: [reported(active, now(series(), 5))],
    });
    await bed().after(SHORT_MS, () => assertValues(b, { active: { '': [1] }, requests: { '': [3] } }));
    await a.send({ current: [reported(active, now(series(), 5))] });
    await bed().after(SHORT_MS, () => assertValues(b, { active: { '': [1] }, requests: { '': [3] } }));
    assert.equal((await b.store.snapshot()).instances, 1);
  });

  test('keep holds what was seen last, not what was sent last', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const job = gauge('job', 'keep');
    await a.send({ current: [reported(job, now(series(), 1, 60_000))] });
    await b.send({ current: [reported(job, now(series(), 2, 30_000))] });
    await a.send({ current: [reported(job, now(series(), 1, 60_000))] });
    await assertValues(a, { job: { '': [2] } });
    await a.send({ current: [reported(job, now(series(), 3))] });
    await b.send({ current: [reported(job, now(series(), 2, 30_000))] });
    await assertValues(a, { job: { '': [3] } });
  });

  test('a batch that waited is as old as its collection, not as its arrival', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const families = [gauge('l', 'last'), gauge('k', 'keep')];
    await a.send({ current: families.map((one) => reported(one, now(series(), 1, 30_000))) });
    await b.store.apply({
      sequence: 1,
      resource: [],
      collectedAt: performance.now() - 60_000,
      deltas: [],
      current: families.map((one) => reported(one, now(series(), 2))),
    });
    await assertValues(a, { l: { '': [1] }, k: { '': [1] } });
  });

  test('the snapshot carries the resource attributes that all live instances share', async () => {
    const a = await bed().instance({
      resource: [
        ['host.name', 'h'],
        ['service.name', 's'],
      ],
    });
    const b = await bed().instance({
      resource: [
        ['host.name', 'i'],
        ['service.name', 's'],
      ],
    });
    await a.send({});
    assert.deepEqual((await b.store.snapshot()).resource, [
      ['host.name', 'h'],
      ['service.name', 's'],
    ]);
    await b.send({});
    assert.deepEqual((await b.store.snapshot()).resource, [['service.name', 's']]);
  });

  test('a series of one instance is the same object in every snapshot', async () => {
    const a = await bed().instance();
    const send = () => a.send({ current: [reported(gauge('g', 'instance'), now(series({ a: 'b' }), 1))] });
    await send();
    const first = (await a.store.snapshot()).families[0]?.series[0]?.series;
    await send();
    assert.ok(first);
    assert.equal((await a.store.snapshot()).families[0]?.series[0]?.series, first);
  });
}
