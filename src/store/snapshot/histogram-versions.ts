import { rebucket, sharedBoundaries } from '../../model/boundaries.js';
import { type Family, familyKey } from '../../model/family.js';
import type { SnapshotFamily, SnapshotSeries } from '../../model/snapshot.js';

/**
 * Several versions of one histogram that differ only in their boundaries, as one family on the boundaries that all of them
 * have. A cumulative count at a shared boundary is exact in every version, so the sum is exact too; at any other boundary
 * it would be a guess. `versions` are ordered by age; the newest one gives the help text.
 *
 * A version that is no longer written has no say in the boundaries: nothing is added to its share any more, and a constant
 * that is guessed changes no rate.
 */
export function mergeHistograms(
  versions: readonly SnapshotFamily[],
  isLive: (family: Family) => boolean,
): SnapshotFamily {
  const families = versions.map(({ family }) => family);
  const boundaries = sharedBoundaries(families.filter(isLive).map((family) => family.boundaries ?? []));
  const newest = versions.at(-1)?.family ?? fail();
  const identity = { name: newest.name, type: newest.type, unit: newest.unit, boundaries };
  const merged = new Map<string, SnapshotSeries>();
  for (const { family, series } of versions) {
    for (const { series: one, startMs, values } of series) {
      const before = merged.get(one.id);
      const shared = rebucket(values, family.boundaries ?? [], boundaries);
      merged.set(
        one.id,
        before === undefined
          ? { series: one, startMs, values: shared }
          : {
              series: before.series,
              startMs: Math.min(before.startMs, startMs),
              values: Array.from(shared, (value, index) => value + (before.values[index] ?? 0)),
            },
      );
    }
  }
  return { family: { ...newest, ...identity, key: familyKey(identity) }, series: [...merged.values()] };
}

function fail(): never {
  throw new RangeError('at least one version of a family is needed');
}
