import { exponentialCount, unpackExponential } from './exponential-histogram.js';
import type { Family } from './family.js';
import { exponentialToClassic } from './histogram-conversion.js';

/** What was observed, as buckets with an upper bound each; the last one ends at infinity. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly boundaries: readonly number[];
  /** Of each bucket, not cumulative: `boundaries.length + 1` numbers. */
  readonly counts: readonly number[];
}

/** Fine enough for a quantile of an exponential histogram: twelve buckets a decade. */
const FINE_BOUNDARIES: readonly number[] = Array.from(
  { length: 12 * 12 + 1 },
  (_, index) => 10 ** (index / 12 - 6),
);

/** The values of a histogram, exponential or not. Nothing for other families. */
export function distributionOf({ type, boundaries = [] }: Family, values: readonly number[]): Distribution {
  if (values.length === 0 || (type !== 'histogram' && type !== 'exponentialhistogram'))
    return { count: 0, sum: 0, boundaries: [], counts: [0] };
  if (type === 'exponentialhistogram') {
    const histogram = unpackExponential(values);
    const [sum = 0, ...counts] = exponentialToClassic(histogram, FINE_BOUNDARIES);
    return { count: exponentialCount(histogram), sum, boundaries: FINE_BOUNDARIES, counts };
  }
  const [sum = 0, ...counts] = values;
  return { count: counts.reduce((total, count) => total + count, 0), sum, boundaries, counts };
}

/** The sum of two distributions with the same boundaries; one without observations changes nothing. */
export function addDistributions(a: Distribution, b: Distribution): Distribution {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    boundaries: a.boundaries,
    counts: a.counts.map((count, bucket) => count + (b.counts[bucket] ?? 0)),
  };
}

/**
 * The value below which the share `q` of the observations lies, as Prometheus estimates it (`histogram_quantile`): linear
 * within a bucket, the lower bound of the last one. Undefined without observations.
 */
export function quantile(q: number, { count, boundaries, counts }: Distribution): number | undefined {
  if (!(count > 0)) return undefined;
  const rank = q * count;
  let below = 0;
  for (const [bucket, inside] of counts.entries()) {
    const upper = boundaries[bucket];
    if (below + inside < rank || inside === 0) {
      below += inside;
      continue;
    }
    if (upper === undefined) return boundaries.at(-1);
    const lower = boundaries[bucket - 1] ?? Math.min(0, upper);
    return lower + ((upper - lower) * (rank - below)) / inside;
  }
  return boundaries.at(-1);
}
