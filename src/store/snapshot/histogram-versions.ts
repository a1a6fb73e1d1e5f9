import { familyKey, type Family } from '../../model/family.js';
import type { SnapshotFamily, SnapshotSeries } from '../../model/snapshot.js';

/**
 * Several versions of one histogram that differ only in their boundaries, as one family on the boundaries that all of them
 * have. A cumulative count at a shared boundary is exact in every version, so the sum is exact too; at any other boundary
 * it would be a guess. `versions` are ordered by age; the newest one gives the help text.
 */
export function mergeOnSharedBoundaries(versions: readonly SnapshotFamily[]): SnapshotFamily {
  const boundaries = sharedBoundaries(versions.map((version) => version.family));
  const newest = versions.at(-1)?.family ?? fail();
  const identity = { name: newest.name, type: newest.type, unit: newest.unit, boundaries };
  const merged = new Map<string, MergedSeries>();
  const zeros = Array.from({ length: boundaries.length + 2 }, () => 0);
  for (const version of versions) {
    const bucketOf = targetBuckets(version.family.boundaries ?? [], boundaries);
    for (const part of version.series) addPart(merged, part, bucketOf, zeros);
  }
  return { family: { ...newest, ...identity, key: familyKey(identity) }, series: [...merged.values()] };
}

interface MergedSeries extends SnapshotSeries {
  startMs: number;
  readonly values: number[];
}

function addPart(
  merged: Map<string, MergedSeries>,
  part: SnapshotSeries,
  bucketOf: readonly number[],
  zeros: readonly number[],
): void {
  let target = merged.get(part.series.id);
  if (target === undefined) {
    target = { series: part.series, startMs: part.startMs, values: zeros.slice() };
    merged.set(part.series.id, target);
  }
  target.startMs = Math.min(target.startMs, part.startMs);
  target.values[0] = (target.values[0] ?? 0) + (part.values[0] ?? 0);
  for (const [bucket, into] of bucketOf.entries()) {
    target.values[into + 1] = (target.values[into + 1] ?? 0) + (part.values[bucket + 1] ?? 0);
  }
}

function sharedBoundaries(families: readonly Family[]): number[] {
  const [first, ...others] = families.map((family) => family.boundaries ?? []);
  const sets = others.map((boundaries) => new Set(boundaries));
  return (first ?? []).filter((bound) => sets.every((set) => set.has(bound)));
}

/** For each bucket of `from` (the last one ends at infinity) the index of the bucket of `to` that contains it. */
function targetBuckets(from: readonly number[], to: readonly number[]): number[] {
  let target = 0;
  return [...from, Number.POSITIVE_INFINITY].map((upper) => {
    // `to` is a subset of `from`: a source bucket never spans a boundary of `to`.
    while (target < to.length && (to[target] ?? Number.POSITIVE_INFINITY) < upper) target += 1;
    return target;
  });
}

function fail(): never {
  throw new RangeError('at least one version of a family is needed');
}
