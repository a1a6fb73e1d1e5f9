import type { CurrentPoint } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { type Series, OVERFLOW_SERIES } from '../../model/series.js';

/** One current value of one instance, by the store's clock. */
export interface CurrentValue {
  readonly series: Series;
  readonly recordedMs: number;
  readonly value: number;
}

export interface CappedValues {
  readonly values: readonly CurrentValue[];
  readonly overflowed: number;
}

/**
 * One instance's values of one family. Those whose series `admit` refuses become one value of {@link OVERFLOW_SERIES}:
 * the newest of gauges, for they do not add up; the sum of everything else.
 */
export function capCurrentPoints(
  family: Family,
  points: readonly CurrentPoint[],
  collectedMs: number,
  admit: (series: Series) => boolean,
): CappedValues {
  const values: CurrentValue[] = [];
  let overflow: CurrentValue | undefined;
  let overflowed = 0;
  for (const { series, value, ageMs } of points) {
    const recordedMs = collectedMs - ageMs;
    if (admit(series)) {
      values.push({ series, recordedMs, value });
    } else {
      overflowed += 1;
      overflow = foldOverflow(family, overflow, { series: OVERFLOW_SERIES, recordedMs, value });
    }
  }
  if (overflow !== undefined) values.push(overflow);
  return { values, overflowed };
}

function foldOverflow(family: Family, sum: CurrentValue | undefined, next: CurrentValue): CurrentValue {
  if (sum === undefined) return next;
  const newer = next.recordedMs >= sum.recordedMs ? next : sum;
  return family.type === 'gauge' ? newer : { ...newer, value: sum.value + next.value };
}
