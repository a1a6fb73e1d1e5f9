import type { CurrentPoint } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { type Series, OVERFLOW_SERIES } from '../../model/series.js';
import type { StoredValue } from '../snapshot/stored-state.js';

export interface CappedValues {
  readonly values: readonly StoredValue[];
  readonly overflowed: number;
}

/**
 * One instance's values of one family. Those whose series `admit` refuses become one value of {@link OVERFLOW_SERIES}:
 * the newest of gauges, for they do not add up; the sum of everything else.
 *
 * @param collectedAtMs when the values were collected; their ages count from here
 */
export function capCurrentPoints(
  family: Family,
  points: readonly CurrentPoint[],
  collectedAtMs: number,
  admit: (series: Series) => boolean,
): CappedValues {
  const familyKey = family.key;
  const values: StoredValue[] = [];
  let overflow: StoredValue | undefined;
  let overflowed = 0;
  for (const { series, value, ageMs } of points) {
    const recordedAtMs = collectedAtMs - ageMs;
    // What the instance itself has summed there was counted by it.
    const isOverflow = series.id === OVERFLOW_SERIES.id;
    if (!isOverflow && admit(series)) {
      values.push({ familyKey, series, recordedAtMs, value });
    } else {
      if (!isOverflow) overflowed += 1;
      overflow = fold(family, overflow, { familyKey, series: OVERFLOW_SERIES, recordedAtMs, value });
    }
  }
  if (overflow !== undefined) values.push(overflow);
  return { values, overflowed };
}

function fold(family: Family, sum: StoredValue | undefined, next: StoredValue): StoredValue {
  if (sum === undefined) return next;
  const newer = next.recordedAtMs >= sum.recordedAtMs ? next : sum;
  return family.type === 'gauge' ? newer : { ...newer, value: sum.value + next.value };
}
