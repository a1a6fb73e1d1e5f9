import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { exponentialToClassic } from '../../../src/model/histogram-conversion.js';
import { exponentialBoundaries } from '../../../src/prometheus/families/classic-histogram.js';
import {
  addExponential,
  EMPTY_BUCKETS,
  type Exponential,
  exponentialCount,
  MAX_EXPONENTIAL_BUCKETS,
} from '../../../src/model/exponential-histogram.js';

function exponential(
  scale: number,
  offset: number,
  counts: readonly number[],
  rest: Partial<Exponential> = {},
): Exponential {
  return {
    scale,
    zeroThreshold: 0,
    zeroCount: 0,
    sum: 1,
    positive: { offset, counts },
    negative: EMPTY_BUCKETS,
    ...rest,
  };
}

/** What the SDK makes of values: its buckets are joined until they are few enough. */
function observedBy(values: readonly number[], scale: number): Exponential {
  let all: Exponential | undefined;
  for (const value of values) {
    const one = exponential(scale, Math.ceil(Math.log2(value) * 2 ** scale) - 1, [1]);
    all = all === undefined ? one : addExponential(all, one, MAX_EXPONENTIAL_BUCKETS);
  }
  return all ?? exponential(scale, 0, []);
}

function cumulated([, ...counts]: readonly number[]): number[] {
  let total = 0;
  return counts.map((count) => (total += count));
}

describe('an exponential histogram in a format without native ones', () => {
  test('has buckets at powers of two', () => {
    // At scale 1: (0.5, 0.71], (0.71, 1], (1, 1.41], (1.41, 2]
    const one = exponential(1, -2, [1, 2, 4, 8], { zeroCount: 3 });
    const boundaries = exponentialBoundaries([one]);
    assert.deepEqual(boundaries, [0, 0.5, 1, 2]);
    assert.deepEqual(exponentialToClassic(one, boundaries), [1, 3, 0, 3, 12, 0]);
  });

  test('shares them with all others of its metric', () => {
    assert.deepEqual(
      exponentialBoundaries([exponential(0, 0, [1]), exponential(3, 32, [1])]),
      [1, 2, 4, 8, 16, 32],
    );
  });

  test('has negative buckets too', () => {
    const one = exponential(0, 0, [1], { negative: { offset: 0, counts: [2, 4] }, zeroCount: 8 });
    const boundaries = exponentialBoundaries([one]);
    assert.deepEqual(boundaries, [-4, -2, -1, 0, 1, 2]);
    assert.deepEqual(exponentialToClassic(one, boundaries), [1, 0, 4, 2, 8, 0, 1, 0]);
  });

  test('has coarser ones below scale 0, and where the range is wide', () => {
    assert.deepEqual(exponentialBoundaries([exponential(-1, 0, [1, 1])]), [1, 4, 16]);
    const wide = exponentialBoundaries([
      exponential(0, -1074, [1, ...Array.from({ length: 2096 }, () => 0), 1]),
    ]);
    assert.ok(wide.length <= 48, `${wide.length}`);
  });

  test('has none without observations', () => {
    assert.deepEqual(exponentialBoundaries([exponential(0, 0, [])]), []);
    assert.deepEqual(exponentialToClassic(exponential(0, 0, []), []), [1, 0]);
  });

  test('counts on foreign boundaries what is certainly below them', () => {
    // (1, 2], (2, 4], (4, 8]
    assert.deepEqual(exponentialToClassic(exponential(0, 0, [1, 2, 4]), [2, 5, 10]), [1, 1, 2, 4, 0]);
  });

  const observed = fc.record({
    scale: fc.integer({ min: -4, max: 8 }),
    offset: fc.integer({ min: -200, max: 200 }),
    counts: fc.array(fc.nat(100), { maxLength: 30 }),
    negative: fc.array(fc.nat(100), { maxLength: 5 }),
    zeroCount: fc.nat(10),
  });

  test('property: whatever is added, no count on foreign boundaries goes down', () => {
    const boundaries = [0.000_01, 0.005, 0.01, 0.025, 0.1, 1, 2.5, 10, 999];
    // Up to 12 decades, and just below a boundary, in batches of whatever scale the process had.
    const value = fc.oneof(
      fc.double({ min: 1e-6, max: 1e5, noNaN: true }),
      fc
        .tuple(fc.constantFrom(...boundaries), fc.double({ min: 0.8, max: 1, noNaN: true }))
        .map(([a, b]) => a * b),
    );
    const batch = fc.record({
      scale: fc.integer({ min: 2, max: 20 }),
      values: fc.array(value, { minLength: 1, maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(batch, { minLength: 2, maxLength: 6 }), (batches) => {
        let total = observedBy(batches[0]?.values ?? [], batches[0]?.scale ?? 2);
        let before = cumulated(exponentialToClassic(total, boundaries));
        for (const { values, scale } of batches.slice(1)) {
          total = addExponential(total, observedBy(values, scale), MAX_EXPONENTIAL_BUCKETS);
          const now = cumulated(exponentialToClassic(total, boundaries));
          for (const [index, count] of now.entries())
            assert.ok(count >= (before[index] ?? 0), `le=${boundaries[index]} went down`);
          before = now;
        }
      }),
    );
  });

  test('loses no observation, and is exact at every boundary of its own', () => {
    fc.assert(
      fc.property(fc.array(observed, { minLength: 1, maxLength: 3 }), (all) => {
        const histograms = all.map(({ scale, offset, counts, negative, zeroCount }) =>
          exponential(scale, offset, counts, { negative: { offset: 0, counts: negative }, zeroCount }),
        );
        const boundaries = exponentialBoundaries(histograms);
        for (const histogram of histograms) {
          const [, ...counts] = exponentialToClassic(histogram, boundaries);
          assert.equal(counts.length, boundaries.length + 1);
          assert.equal(
            counts.reduce((sum, count) => sum + count, 0),
            exponentialCount(histogram),
          );
          let below = 0;
          for (const [index, boundary] of boundaries.entries()) {
            below += counts[index] ?? 0;
            if (boundary > 0) assert.equal(below, countUpTo(histogram, boundary), `le=${boundary}`);
          }
        }
      }),
    );
  });
});

/** Everything up to a positive power of two, counted by exponents. */
function countUpTo({ scale, zeroCount, positive, negative }: Exponential, boundary: number): number {
  const exponent = Math.log2(boundary) * 2 ** scale;
  const below = positive.counts.filter((_, k) => positive.offset + k + 1 <= exponent);
  return [...below, ...negative.counts].reduce((sum, count) => sum + count, zeroCount);
}
