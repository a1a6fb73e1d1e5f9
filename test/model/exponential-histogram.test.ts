import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import {
  EMPTY_BUCKETS,
  type Exponential,
  type ExponentialBuckets,
  MAX_EXPONENTIAL_BUCKETS,
  bucketUpperBound,
  downscale,
  exponentialCount,
  mergeExponential,
  packExponential,
  unpackExponential,
} from '../../src/model/exponential-histogram.js';

/** Counts by the exact index at a scale: what merging must keep, computed without any of its code. */
function countsAt(
  scale: number,
  sources: ReadonlyArray<readonly [Exponential, 'positive' | 'negative']>,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [histogram, side] of sources) {
    const { offset, counts: own } = histogram[side];
    for (const [k, count] of own.entries()) {
      if (count === 0) continue;
      const index = Math.floor((offset + k) / 2 ** (histogram.scale - scale));
      counts.set(index, (counts.get(index) ?? 0) + count);
    }
  }
  return counts;
}

const buckets: fc.Arbitrary<ExponentialBuckets> = fc.record({
  offset: fc.oneof(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -1_000_000, max: 1_000_000 })),
  counts: fc.array(fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(2 ** 40)), { maxLength: 20 }),
});

const histogram: fc.Arbitrary<Exponential> = fc.record({
  scale: fc.integer({ min: -10, max: 20 }),
  zeroThreshold: fc.constant(0),
  zeroCount: fc.nat(100),
  // Integers add exactly, in any order.
  sum: fc.integer(),
  positive: buckets,
  negative: buckets,
});

/** One observation, packed, at the finest scale. */
function burst(offset: number): number[] {
  const positive = { offset, counts: [1] };
  return packExponential({
    scale: 20,
    zeroThreshold: 0,
    zeroCount: 0,
    sum: 1,
    positive,
    negative: EMPTY_BUCKETS,
  });
}

describe('layout', () => {
  test('is scale, zero threshold, zero count, sum, offset and number, offset, counts', () => {
    const packed = packExponential({
      scale: 3,
      zeroThreshold: 0.5,
      zeroCount: 2,
      sum: 9.5,
      positive: { offset: -4, counts: [0, 1, 0, 2, 0] },
      negative: { offset: 7, counts: [5] },
    });
    assert.deepEqual(packed, [3, 0.5, 2, 9.5, -3, 3, 7, 1, 0, 2, 5]);
  });

  test('reads back what was packed', () => {
    fc.assert(
      fc.property(histogram, (one) => {
        const packed = packExponential(one);
        assert.deepEqual(packExponential(unpackExponential(packed)), packed);
        assert.equal(exponentialCount(unpackExponential(packed)), exponentialCount(one));
      }),
    );
  });

  test('a histogram without observations has only a header', () => {
    const empty = {
      scale: 20,
      zeroThreshold: 0,
      zeroCount: 0,
      sum: 0,
      positive: EMPTY_BUCKETS,
      negative: EMPTY_BUCKETS,
    };
    assert.deepEqual(packExponential(empty), [20, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(
      mergeExponential(packExponential(empty), packExponential(empty)),
      [20, 0, 0, 0, 0, 0, 0],
    );
  });
});

describe('merging', () => {
  test('keeps every count exactly, at the scale that both share', () => {
    fc.assert(
      fc.property(histogram, histogram, (a, b) => {
        const merged = unpackExponential(mergeExponential(packExponential(a), packExponential(b)));
        assert.ok(merged.scale <= Math.min(a.scale, b.scale));
        for (const side of ['positive', 'negative'] as const) {
          assert.deepEqual(
            countsAt(merged.scale, [[merged, side]]),
            countsAt(merged.scale, [
              [a, side],
              [b, side],
            ]),
          );
          assert.ok(merged[side].counts.length <= MAX_EXPONENTIAL_BUCKETS);
        }
        assert.equal(merged.zeroCount, a.zeroCount + b.zeroCount);
        assert.equal(merged.sum, a.sum + b.sum);
      }),
    );
  });

  test('loses no more resolution than the bound demands', () => {
    fc.assert(
      fc.property(histogram, histogram, fc.integer({ min: 2, max: 30 }), (a, b, limit) => {
        const merged = unpackExponential(mergeExponential(packExponential(a), packExponential(b), limit));
        const spans = (['positive', 'negative'] as const).map((side) => {
          const indexes = [
            ...countsAt(merged.scale + 1, [
              [a, side],
              [b, side],
            ]).keys(),
          ];
          return indexes.length === 0 ? 0 : Math.max(...indexes) - Math.min(...indexes) + 1;
        });
        const common = Math.min(a.scale, b.scale);
        assert.ok(merged.scale === common || Math.max(...spans) > limit);
      }),
    );
  });

  test('gives the same for any order and grouping', () => {
    fc.assert(
      fc.property(histogram, histogram, histogram, (a, b, c) => {
        const [x, y, z] = [packExponential(a), packExponential(b), packExponential(c)];
        const left = mergeExponential(mergeExponential(x, y), z);
        assert.deepEqual(mergeExponential(x, mergeExponential(y, z)), left);
        assert.deepEqual(mergeExponential(mergeExponential(z, x), y), left);
      }),
    );
  });

  test('bursts far apart at the finest scale take neither time nor memory', () => {
    const merged = unpackExponential(mergeExponential(burst(-1_000_000_000), burst(1_000_000_000)));
    assert.equal(exponentialCount(merged), 2);
    assert.ok(merged.positive.counts.length <= MAX_EXPONENTIAL_BUCKETS);
  });

  test('the wider zero bucket wins, and takes what lies inside it, whole buckets only', () => {
    const wide = packExponential({
      scale: 0,
      zeroThreshold: 3,
      zeroCount: 5,
      sum: 0,
      positive: EMPTY_BUCKETS,
      negative: EMPTY_BUCKETS,
    });
    // (0.5, 1], (1, 2], (2, 4], (4, 8]
    const fine = packExponential({
      scale: 0,
      zeroThreshold: 0,
      zeroCount: 1,
      sum: 20,
      positive: { offset: -1, counts: [1, 2, 3, 4] },
      negative: EMPTY_BUCKETS,
    });
    const merged = unpackExponential(mergeExponential(wide, fine));
    assert.equal(merged.zeroThreshold, 4, 'the threshold is raised to the end of the bucket in which it lay');
    assert.equal(merged.zeroCount, 5 + 1 + 1 + 2 + 3);
    assert.deepEqual(merged.positive, { offset: 2, counts: [4] });
    assert.deepEqual(mergeExponential(fine, wide), mergeExponential(wide, fine));
  });
});

test('downscaling keeps the boundaries of the coarser buckets', () => {
  const fine: Exponential = {
    scale: 1,
    zeroThreshold: 0,
    zeroCount: 0,
    sum: 0,
    positive: { offset: -3, counts: [1, 2, 4, 8, 16] },
    negative: EMPTY_BUCKETS,
  };
  assert.deepEqual(downscale(fine, 1).positive, { offset: -2, counts: [1, 6, 24] });
  assert.equal(downscale(fine, 0), fine);
});

test('bucket bounds are powers of the base', () => {
  assert.equal(bucketUpperBound(0, 0), 2);
  assert.equal(bucketUpperBound(-1, 5), 1);
  assert.equal(bucketUpperBound(2, -1), 64);
  assert.equal(bucketUpperBound(1, 1), 2);
});
