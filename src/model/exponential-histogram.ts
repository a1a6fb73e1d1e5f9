/**
 * Base-2 exponential histograms as the stores keep them (OpenTelemetry metrics data model, "ExponentialHistogram").
 *
 * Layout of `values`, all numbers doubles, `P` and `N` are the numbers of positive and negative buckets:
 *
 *     0  scale               base = 2^(2^-scale); any integer
 *     1  zeroThreshold       width of the zero bucket, >= 0; the JavaScript SDK always says 0
 *     2  zeroCount           observations with |value| <= zeroThreshold
 *     3  sum
 *     4  positiveOffset      index of the first positive bucket; bucket i holds (base^i, base^(i+1)]
 *     5  P
 *     6  negativeOffset      index of the first negative bucket; bucket i holds [-base^(i+1), -base^i)
 *     7  … 7 + P - 1         counts of the positive buckets
 *     7 + P  …               counts of the negative buckets, to the end
 *
 * The number of observations is not stored: it is the sum of all counts. Min and max are not kept: Prometheus cannot
 * carry them. Merging is exact in every count and loses only resolution: buckets are joined in pairs until both histograms
 * have one scale and no side has more than {@link MAX_EXPONENTIAL_BUCKETS}.
 */
export const EXPONENTIAL_HEADER = 7;

/** Buckets for each sign; the OpenTelemetry SDK's default ("maximum number of buckets, 160"). */
export const MAX_EXPONENTIAL_BUCKETS = 160;

/** Consecutive buckets; `counts[k]` belongs to index `offset + k`. */
export interface ExponentialBuckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

export interface Exponential {
  readonly scale: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly sum: number;
  readonly positive: ExponentialBuckets;
  readonly negative: ExponentialBuckets;
}

export const EMPTY_BUCKETS: ExponentialBuckets = { offset: 0, counts: [] };

export function packExponential(histogram: Exponential): number[] {
  const { scale, zeroThreshold, zeroCount, sum } = histogram;
  const positive = trim(histogram.positive);
  const negative = trim(histogram.negative);
  return [
    scale,
    zeroThreshold,
    zeroCount,
    sum,
    positive.offset,
    positive.counts.length,
    negative.offset,
    ...positive.counts,
    ...negative.counts,
  ];
}

export function unpackExponential(values: ArrayLike<number>): Exponential {
  const at = (index: number): number => values[index] ?? 0;
  const split = EXPONENTIAL_HEADER + at(5);
  return {
    scale: at(0),
    zeroThreshold: at(1),
    zeroCount: at(2),
    sum: at(3),
    positive: { offset: at(4), counts: Array.from({ length: at(5) }, (_, k) => at(EXPONENTIAL_HEADER + k)) },
    negative: {
      offset: at(6),
      counts: Array.from({ length: values.length - split }, (_, k) => at(split + k)),
    },
  };
}

/** The number of observations. */
export function exponentialCount(histogram: Exponential): number {
  return histogram.zeroCount + total(histogram.positive) + total(histogram.negative);
}

/** The sum of two packed histograms, packed. Neither argument is changed. */
export function mergeExponential(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  maxBuckets: number = MAX_EXPONENTIAL_BUCKETS,
): number[] {
  return packExponential(addExponential(unpackExponential(a), unpackExponential(b), maxBuckets));
}

export function addExponential(left: Exponential, right: Exponential, maxBuckets: number): Exponential {
  const common = Math.min(left.scale, right.scale);
  const [a, b] = withOneThreshold(
    downscale(left, left.scale - common),
    downscale(right, right.scale - common),
  );
  // Decided before the buckets are laid out: two bursts far apart at a fine scale span millions of empty ones.
  const by = Math.max(
    steps([a.positive, b.positive], maxBuckets),
    steps([a.negative, b.negative], maxBuckets),
  );
  return {
    scale: common - by,
    zeroThreshold: a.zeroThreshold,
    zeroCount: a.zeroCount + b.zeroCount,
    sum: a.sum + b.sum,
    positive: joinBuckets([a.positive, b.positive], 2 ** by),
    negative: joinBuckets([a.negative, b.negative], 2 ** by),
  };
}

/** Joins buckets in groups of `2^by`; exact, because every boundary of the lower scale is one of the higher. */
export function downscale(histogram: Exponential, by: number): Exponential {
  if (by <= 0) return histogram;
  return {
    ...histogram,
    scale: histogram.scale - by,
    positive: joinBuckets([histogram.positive], 2 ** by),
    negative: joinBuckets([histogram.negative], 2 ** by),
  };
}

/** The upper bound of positive bucket `index`: `base^(index + 1)`; 0 or infinity beyond the range of doubles. */
export function bucketUpperBound(index: number, scale: number): number {
  return 2 ** ((index + 1) * 2 ** -scale);
}

function total({ counts }: ExponentialBuckets): number {
  let count = 0;
  for (const value of counts) count += value;
  return count;
}

/** Empty buckets at the ends would widen a range for nothing, and cost resolution. */
function trim({ offset, counts }: ExponentialBuckets): ExponentialBuckets {
  const first = counts.findIndex((count) => count !== 0);
  if (first === -1) return EMPTY_BUCKETS;
  const last = counts.findLastIndex((count) => count !== 0);
  return { offset: offset + first, counts: counts.slice(first, last + 1) };
}

/** The sum of several runs of buckets, in buckets that are `group` times as wide. */
function joinBuckets(runs: readonly ExponentialBuckets[], group: number): ExponentialBuckets {
  const { first, last } = range(runs, group);
  if (first > last) return EMPTY_BUCKETS;
  const counts: number[] = Array.from({ length: last - first + 1 }, () => 0);
  for (const run of runs) {
    for (const [k, count] of run.counts.entries()) {
      if (count === 0) continue;
      const target = Math.floor((run.offset + k) / group) - first;
      counts[target] = (counts[target] ?? 0) + count;
    }
  }
  return { offset: first, counts };
}

/** How many times the scale must drop until the runs fit together. */
function steps(runs: readonly ExponentialBuckets[], maxBuckets: number): number {
  // Indexes -1 and 0 never meet by halving, so fewer than two buckets cannot be promised.
  const limit = Math.max(2, maxBuckets);
  for (let by = 0; ; by += 1) {
    const { first, last } = range(runs, 2 ** by);
    if (last - first < limit) return by;
  }
}

/** The indexes from the first to the last bucket that counts anything; `first > last` if none does. */
function range(runs: readonly ExponentialBuckets[], group: number): { first: number; last: number } {
  let first = Infinity;
  let last = -Infinity;
  for (const run of runs) {
    const { offset, counts } = trim(run);
    if (counts.length === 0) continue;
    first = Math.min(first, Math.floor(offset / group));
    last = Math.max(last, Math.floor((offset + counts.length - 1) / group));
  }
  return { first, last };
}

/** The wider zero bucket wins; the counts of the other one that lie inside it move there. */
function withOneThreshold(left: Exponential, right: Exponential): [Exponential, Exponential] {
  if (left.zeroThreshold === right.zeroThreshold) return [left, right];
  let threshold = Math.max(left.zeroThreshold, right.zeroThreshold);
  // A threshold inside a populated bucket is raised to that bucket's end, or its count could not be placed exactly.
  for (const histogram of [left, right, left]) threshold = raise(histogram, threshold);
  return [absorb(left, threshold), absorb(right, threshold)];
}

function raise({ scale, positive, negative }: Exponential, threshold: number): number {
  let raised = threshold;
  for (const { offset, counts } of [positive, negative]) {
    for (const [k, count] of counts.entries()) {
      const index = offset + k;
      if (count > 0 && comparableBound(index - 1, scale) < raised && comparableBound(index, scale) > raised) {
        raised = comparableBound(index, scale);
      }
    }
  }
  return raised;
}

function absorb(histogram: Exponential, zeroThreshold: number): Exponential {
  let { zeroCount } = histogram;
  const outside = ({ offset, counts }: ExponentialBuckets): ExponentialBuckets => ({
    offset,
    counts: counts.map((count, k) => {
      if (comparableBound(offset + k, histogram.scale) > zeroThreshold) return count;
      zeroCount += count;
      return 0;
    }),
  });
  const positive = trim(outside(histogram.positive));
  const negative = trim(outside(histogram.negative));
  return { ...histogram, zeroThreshold, zeroCount, positive, negative };
}

/**
 * {@link bucketUpperBound} by roots and products alone, whose rounding IEEE 754 prescribes: the Lua of the Redis store,
 * whose power function is another one, comes to the same bits, and at each scale the same bound is the same number.
 */
function comparableBound(index: number, scale: number): number {
  const step = index + 1;
  if (scale <= 0) return 2 ** (step * 2 ** -scale);
  let weight = 2 ** scale;
  const whole = Math.floor(step / weight);
  let rest = step - whole * weight;
  let bound = 2 ** whole;
  let root = 2;
  while (rest > 0) {
    root = Math.sqrt(root);
    weight /= 2;
    if (rest >= weight) {
      bound *= root;
      rest -= weight;
    }
  }
  return bound;
}
