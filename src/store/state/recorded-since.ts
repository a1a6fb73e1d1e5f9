import type { CurrentPoint, FamilyPoints } from '../../model/delta-batch.js';

/**
 * Current values without those that a wipe has deleted: gauges that the application has not recorded since. Its SDK reports a
 * gauge until the end of the process, and it would be back with the next flush. Up-down counters and counters tell how things
 * stand, and would be wrong from now on if they began from zero.
 *
 * @param collected when the values were collected
 * @param wiped when the project was last wiped, by the same clock in milliseconds
 */
export function recordedSince(
  current: ReadonlyArray<FamilyPoints<CurrentPoint>>,
  collected: number,
  wiped: number,
): ReadonlyArray<FamilyPoints<CurrentPoint>> {
  if (wiped === Number.NEGATIVE_INFINITY) return current;
  return current.map((reported) =>
    reported.family.type === 'gauge'
      ? {
          ...reported,
          points: reported.points.filter(({ silentMs = 0 }) => collected - silentMs >= wiped),
        }
      : reported,
  );
}
