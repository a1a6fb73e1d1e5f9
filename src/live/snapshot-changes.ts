import { rebucket, sameBoundaries, sharedBoundaries } from '../model/boundaries.js';
import type { Family } from '../model/family.js';
import type { Series } from '../model/series.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../model/snapshot.js';
import { addValues, negateValues } from '../model/values.js';

/**
 * - `new`: only in the later snapshot
 * - `gone`: only in the earlier one: it expired, its process ended, or the project was wiped
 * - `restarted`: began again from zero in between
 */
export type ChangeStatus = 'same' | 'changed' | 'new' | 'gone' | 'restarted';

/** What became of one series between two snapshots of a project. */
export interface SeriesChange {
  readonly series: Series;
  readonly status: ChangeStatus;
  /** As in the earlier snapshot; undefined if the series is new. */
  readonly before: readonly number[] | undefined;
  /** As in the later snapshot; undefined if the series is gone. */
  readonly after: readonly number[] | undefined;
  /**
   * In the layout of the values. Of counters and histograms what was added in between, all of it if the series is new or
   * restarted, never negative, nothing if it is gone. Of gauges and up-down counters the difference.
   */
  readonly difference: readonly number[];
}

export interface FamilyChanges {
  /** As in the later snapshot; of a histogram whose boundaries changed, with those that both snapshots have. */
  readonly family: Family;
  readonly series: readonly SeriesChange[];
}

/** All families of either snapshot, those of the later one first, with all their series. */
export function changesBetween(before: Snapshot, after: Snapshot): FamilyChanges[] {
  const earlier = new Map(before.families.map((one) => [identityOf(one.family), one]));
  const changes: FamilyChanges[] = [];
  for (const later of after.families) {
    const identity = identityOf(later.family);
    changes.push(familyChanges(earlier.get(identity), later));
    earlier.delete(identity);
  }
  for (const gone of earlier.values()) changes.push(familyChanges(gone, { family: gone.family, series: [] }));
  return changes;
}

/** Not the key: it changes with the boundaries, and versions of a histogram are one family in a snapshot. */
function identityOf({ name, type, unit, aggregation }: Family): string {
  return JSON.stringify([name, type, unit, aggregation === 'keep']);
}

function familyChanges(before: SnapshotFamily | undefined, after: SnapshotFamily): FamilyChanges {
  const family = before === undefined ? after.family : comparable(before.family, after.family);
  const was = new Map(before?.series.map((one) => [one.series.id, one]));
  const series = after.series.map((one) => {
    const known = was.get(one.series.id);
    was.delete(one.series.id);
    return seriesChange(
      family,
      known && aligned(known, before?.family, family),
      aligned(one, after.family, family),
    );
  });
  for (const gone of was.values())
    series.push(seriesChange(family, aligned(gone, before?.family, family), undefined));
  return { family, series };
}

/** The family in whose layout both can be compared. */
function comparable(before: Family, after: Family): Family {
  if (after.type !== 'histogram' || sameBoundaries(before.boundaries, after.boundaries)) return after;
  return { ...after, boundaries: sharedBoundaries([before.boundaries ?? [], after.boundaries ?? []]) };
}

interface AlignedSeries {
  readonly series: Series;
  readonly startMs: number;
  readonly values: readonly number[];
}

function aligned(
  { series, startMs, values }: SnapshotSeries,
  from: Family | undefined,
  to: Family,
): AlignedSeries {
  const layout =
    to.boundaries === undefined ? values : rebucket(values, from?.boundaries ?? [], to.boundaries);
  return { series, startMs, values: Array.from(layout) };
}

function seriesChange(
  family: Family,
  before: AlignedSeries | undefined,
  after: AlignedSeries | undefined,
): SeriesChange {
  const series = after?.series ?? before?.series;
  if (series === undefined) throw new RangeError('a change of nothing');
  const status = statusOf(family, before, after);
  return {
    series,
    status,
    before: before?.values,
    after: after?.values,
    difference: differenceOf(family, status, before?.values, after?.values),
  };
}

function statusOf(
  family: Family,
  before: AlignedSeries | undefined,
  after: AlignedSeries | undefined,
): ChangeStatus {
  if (before === undefined) return 'new';
  if (after === undefined) return 'gone';
  if (isAdditive(family) && before.startMs !== after.startMs) return 'restarted';
  const isSame =
    before.values.length === after.values.length &&
    before.values.every((value, index) => Object.is(value, after.values[index]));
  return isSame ? 'same' : 'changed';
}

function differenceOf(
  family: Family,
  status: ChangeStatus,
  before: readonly number[] = [],
  after: readonly number[] = [],
): readonly number[] {
  if (!isAdditive(family)) return [(after[0] ?? 0) - (before[0] ?? 0)];
  if (status === 'gone') return [];
  if (status === 'new' || status === 'restarted') return after;
  const added = addValues(family, after, negateValues(family, before));
  return family.type === 'counter' ? added.map((value) => Math.max(0, value)) : added;
}

/** Of counters and histograms, which add up. */
export function isAdditive({ type }: Family): boolean {
  return type === 'counter' || type === 'histogram' || type === 'exponentialhistogram';
}
