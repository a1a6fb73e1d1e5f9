import type { Exponential } from '../../model/exponential-histogram.js';

/**
 * Finite buckets of an exponential histogram in a text format. 2^±20 around one second is a microsecond to 12 days, so
 * that real measurements have one bucket for each power of two; wider ranges get powers of 4, 16, …
 */
const MAX_FINITE_BUCKETS = 48;

/**
 * One set of boundaries for all exponential histograms of a block, or `sum by (le)` over them would be wrong: powers of
 * two (of 4, 16, … when the range is wide or a scale is below zero) around everything that was observed; where they are
 * powers of a bucket's own base the counts are exact.
 */
export function exponentialBoundaries(histograms: readonly Exponential[]): number[] {
  let step = 1;
  for (const { scale } of histograms) step = Math.max(step, 2 ** -scale);
  const positive = exponents(histograms, 'positive');
  const negative = exponents(histograms, 'negative');
  while (buckets(positive, step) + buckets(negative, step) > MAX_FINITE_BUCKETS) step *= 2;
  const boundaries = powers(negative, step)
    .map((power) => -power)
    .toReversed();
  if (negative !== undefined || histograms.some(({ zeroCount }) => zeroCount > 0)) boundaries.push(0);
  boundaries.push(...powers(positive, step));
  return boundaries;
}

interface Exponents {
  readonly low: number;
  readonly high: number;
}

/** The exponents of two between which everything lies that was counted on one side. */
function exponents(histograms: readonly Exponential[], side: 'positive' | 'negative'): Exponents | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const histogram of histograms) {
    const width = 2 ** -histogram.scale;
    const { offset, counts } = histogram[side];
    for (const [k, count] of counts.entries()) {
      if (count === 0) continue;
      low = Math.min(low, Math.floor((offset + k) * width));
      high = Math.max(high, Math.ceil((offset + k + 1) * width));
    }
  }
  return low > high ? undefined : { low, high };
}

function buckets(range: Exponents | undefined, step: number): number {
  return range === undefined ? 0 : Math.ceil(range.high / step) - Math.floor(range.low / step) + 1;
}

function powers(range: Exponents | undefined, step: number): number[] {
  if (range === undefined) return [];
  const result: number[] = [];
  const last = Math.ceil(range.high / step);
  for (let exponent = Math.floor(range.low / step); exponent <= last; exponent += 1) {
    const power = 2 ** (exponent * step);
    if (power > 0 && power < Infinity) result.push(power);
  }
  return result;
}
