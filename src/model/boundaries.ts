/**
 * Bucket boundaries of histograms: the upper bounds of all buckets but the last, ascending and finite. The last bucket ends
 * at infinity.
 */

/** Undefined, of a family without buckets, equals nothing else. */
export function sameBoundaries(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((boundary, index) => boundary === b[index]);
}

/** Whether they can be boundaries as they are. */
export function areBoundaries(given: readonly unknown[]): given is readonly number[] {
  return given.every(
    (bound, index) =>
      typeof bound === 'number' &&
      Number.isFinite(bound) &&
      (index === 0 || bound > Number(given[index - 1])),
  );
}

/** What is given as boundaries, as boundaries are: finite numbers, each once, ascending. Texts that are numbers count as those. */
export function mendBoundaries(given: readonly unknown[]): readonly number[] {
  const numbers = given.map((bound) =>
    typeof bound === 'string' && bound.trim() !== '' ? Number(bound) : bound,
  );
  const finite = numbers.filter((bound): bound is number => Number.isFinite(bound));
  return [...new Set(finite)].toSorted((a, b) => a - b);
}

/** The boundaries that all lists have. A cumulative count at such a boundary is exact whatever the lists were. */
export function sharedBoundaries(lists: ReadonlyArray<readonly number[]>): readonly number[] {
  const [first = [], ...others] = lists;
  if (others.every((other) => sameBoundaries(first, other))) return first;
  const sets = others.map((other) => new Set(other));
  return first.filter((boundary) => sets.every((set) => set.has(boundary)));
}

/**
 * `[sum, c0, …, cN]` on other boundaries: each bucket is added to the one that contains its upper bound. Exact if `to` is a
 * part of `from`. Answers `values` itself if nothing changes.
 */
export function rebucket(
  values: ArrayLike<number>,
  from: readonly number[],
  to: readonly number[],
): ArrayLike<number> {
  if (sameBoundaries(from, to)) return values;
  const result = [values[0] ?? 0, ...to.map(() => 0), 0];
  let target = 0;
  for (let bucket = 0; bucket <= from.length; bucket += 1) {
    const bound = from[bucket] ?? Infinity;
    while (target < to.length && (to[target] ?? Infinity) < bound) target += 1;
    result[target + 1] = (result[target + 1] ?? 0) + (values[bucket + 1] ?? 0);
  }
  return result;
}
