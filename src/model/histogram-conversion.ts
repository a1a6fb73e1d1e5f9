import {
  bucketUpperBound,
  downscale,
  EMPTY_BUCKETS,
  type Exponential,
  type ExponentialBuckets,
  MAX_EXPONENTIAL_BUCKETS,
} from './exponential-histogram.js';

/**
 * Scales only fall: a histogram whose range widens joins its buckets. At its own scale an observation would then move to a
 * higher boundary, and the count at the lower one would go down. No histogram with less than 12 decades between its
 * observations falls below this scale.
 */
const STEADY_SCALE = 2;

/**
 * An exponential histogram as `[sum, c0, …, cN]` on given boundaries. A bucket counts where its upper bound lies, at scale
 * {@link STEADY_SCALE} or its own lower one: so the counts are exact at powers of that base, 2 among them, and elsewhere late
 * by less than one bucket, a fifth of the value.
 */
export function exponentialToClassic(histogram: Exponential, boundaries: readonly number[]): number[] {
  const { scale, zeroThreshold, zeroCount, sum, positive, negative } = downscale(
    histogram,
    histogram.scale - STEADY_SCALE,
  );
  const values = [sum, ...boundaries.map(() => 0), 0];
  const add = (upperBound: number, count: number): void => {
    if (count === 0) return;
    const bucket = 1 + firstAtLeast(boundaries, upperBound);
    values[bucket] = (values[bucket] ?? 0) + count;
  };
  each(negative, (index, count) => add(-bucketUpperBound(index - 1, scale), count));
  add(zeroThreshold, zeroCount);
  each(positive, (index, count) => add(bucketUpperBound(index, scale), count));
  return values;
}

function each({ offset, counts }: ExponentialBuckets, visit: (index: number, count: number) => void): void {
  for (const [k, count] of counts.entries()) visit(offset + k, count);
}

function firstAtLeast(boundaries: readonly number[], value: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] ?? Infinity) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * `[sum, c0, …, cN]` as an exponential histogram, for observations of which nothing else is known than their buckets: each
 * counts at the upper bound of its bucket, and those above the last boundary just above it.
 *
 * @param maxScale of the result; lower if the boundaries need more than {@link MAX_EXPONENTIAL_BUCKETS}
 */
export function classicToExponential(
  values: ArrayLike<number>,
  boundaries: readonly number[],
  maxScale: number,
): Exponential {
  const last = boundaries.at(-1) ?? 0;
  const bounds = [...boundaries, last > 0 ? last * 2 : 1];
  const scale = Math.min(maxScale, scaleFor(bounds));
  let zeroCount = 0;
  const positive = new Map<number, number>();
  const negative = new Map<number, number>();
  for (const [bucket, bound] of bounds.entries()) {
    const count = values[bucket + 1] ?? 0;
    if (bound === 0) zeroCount += count;
    else {
      const side = bound > 0 ? positive : negative;
      const index = Math.ceil(Math.log2(Math.abs(bound)) * 2 ** scale) - 1;
      side.set(index, (side.get(index) ?? 0) + count);
    }
  }
  return {
    scale,
    zeroThreshold: 0,
    zeroCount,
    sum: values[0] ?? 0,
    positive: consecutive(positive),
    negative: consecutive(negative),
  };
}

/** The finest scale at which everything between the smallest and the largest bound has a bucket. */
function scaleFor(bounds: readonly number[]): number {
  const exponents = bounds.filter((bound) => bound !== 0).map((bound) => Math.log2(Math.abs(bound)));
  const octaves = Math.max(...exponents) - Math.min(...exponents) + 1;
  return Math.floor(Math.log2(MAX_EXPONENTIAL_BUCKETS / octaves));
}

function consecutive(counts: ReadonlyMap<number, number>): ExponentialBuckets {
  if (counts.size === 0) return EMPTY_BUCKETS;
  const offset = Math.min(...counts.keys());
  const length = Math.max(...counts.keys()) - offset + 1;
  return { offset, counts: Array.from({ length }, (_, k) => counts.get(offset + k) ?? 0) };
}
