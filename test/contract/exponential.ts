import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  mergeExponential,
  packExponential,
  type ExponentialBuckets,
} from '../../src/model/exponential-histogram.js';
import { type Family, familyKey } from '../../src/model/family.js';
import { add, added, type Bed, series } from './bed.js';

const identity = { name: 'latency', type: 'exponentialhistogram', unit: 's' } as const;
const latency: Family = { ...identity, help: '', key: familyKey(identity) };

const buckets: fc.Arbitrary<ExponentialBuckets> = fc.record({
  offset: fc.integer({ min: -2000, max: 2000 }),
  counts: fc.array(fc.nat(5), { maxLength: 12 }),
});

/** 0 is what the SDK reports; other writers may widen the zero bucket, also into buckets that count something. */
const threshold: fc.Arbitrary<number> = fc.oneof(
  fc.constant(0),
  fc.constantFrom(0.25, 1, 2 ** 0.5, 1024),
  fc.double({ min: 0, max: 4, noNaN: true }),
);

const delta: fc.Arbitrary<number[]> = fc
  .record({
    scale: fc.integer({ min: -4, max: 20 }),
    zeroThreshold: threshold,
    zeroCount: fc.nat(3),
    sum: fc.integer({ min: -1000, max: 1000 }),
    positive: buckets,
    negative: buckets,
  })
  .map(packExponential);

/** Exponential histograms of different scales are summed exactly, bucket by bucket. */
export function exponentialContract(bed: () => Bed): void {
  test('of any scales add up as mergeExponential says, over several instances', async () => {
    const instances = [await bed().instance(), await bed().instance()];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(1), delta), { minLength: 1, maxLength: 8 }), async (sent) => {
        run += 1;
        const of = series({ run: String(run) });
        for (const [index, values] of sent) {
          await instances[index]?.send({ deltas: [added(latency, add(of, ...values))] });
        }
        const expected = sent
          .map(([, values]) => values)
          .reduce((sum, values) => mergeExponential(sum, values));
        const snapshot = await instances[0]?.store.snapshot();
        const found = snapshot?.families[0]?.series.find((one) => one.series.id === of.id);
        assert.deepEqual(Array.from(found?.values ?? []), expected);
      }),
      { numRuns: 60 },
    );
  });

  test('overflow into one', async () => {
    const one = await bed().instance({ maxSeries: 1 });
    const values = packExponential({
      scale: 3,
      zeroThreshold: 0,
      zeroCount: 1,
      sum: 4,
      positive: { offset: -3, counts: [1, 0, 2] },
      negative: { offset: 0, counts: [] },
    });
    const points = ['a', 'b', 'c'].map((name) => add(series({ name }), ...values));
    assert.equal((await one.send({ deltas: [added(latency, ...points)] })).overflowed, 2);
    const found = (await one.store.snapshot()).families[0]?.series.map((each) => Array.from(each.values));
    assert.deepEqual(
      found?.toSorted((a, b) => (a[3] ?? 0) - (b[3] ?? 0)),
      [values, mergeExponential(values, values)],
    );
  });
}
