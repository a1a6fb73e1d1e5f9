import { aggregate, namedInstances, valuesByFamily } from './instance-values.js';
import { expiredMembers } from './living-partners.js';
import { SHOWN_AS_STORED, type ShownAs } from '../../model/shown-as.js';
import type { Family } from '../../model/family.js';
import type { Attributes } from '../../model/series.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../../model/snapshot.js';
import type { StoredFamily, StoredSeries, StoredState } from './stored-state.js';
import { isNothing } from '../../model/values.js';
import { SeriesInterner } from './series-interner.js';
import { mergeHistograms } from './histogram-versions.js';

/** Turns what a store holds into what a scrape shows. Pure but for the interning of series. */
export interface SnapshotBuilder {
  build(state: StoredState): Promise<Snapshot>;
}

/**
 * A builder belongs to one open store. Stored series that were not written for `ttlMs` are left out, but for those that are
 * shown as one with a series that lives.
 */
export function createSnapshotBuilder(ttlMs: number, shownAs: ShownAs = SHOWN_AS_STORED): SnapshotBuilder {
  const interner = new SeriesInterner();
  return {
    async build({ atMs, families, instances }) {
      const expiredAtMs = atMs - ttlMs;
      const held = new Set<StoredSeries>();
      for (const { stored } of await expiredMembers(families, shownAs, expiredAtMs)) held.add(stored);
      const isLive = ({ updatedAtMs }: StoredSeries): boolean => updatedAtMs > expiredAtMs;
      const isShown = (one: StoredSeries): boolean => isLive(one) || held.has(one);
      const named = namedInstances(instances);
      const reported = valuesByFamily(named);
      const answer = (stored: StoredFamily): SnapshotFamily => {
        const { aggregation, key } = stored.family;
        const series =
          aggregation === undefined || aggregation === 'keep'
            ? storedSeries(stored, isShown, interner)
            : aggregate(stored.family, reported.get(key) ?? [], interner);
        return { family: stored.family, series };
      };
      const present = families
        .toSorted(byAge)
        .map(answer)
        .filter(({ series }) => series.length > 0);
      interner.rotate();
      return {
        resource: sharedAttributes(instances.map(({ resource }) => resource)),
        instances: instances.length,
        processes: named.map(({ id, resource }) => ({ id, resource })),
        families: mergeVersions(present, (version) =>
          families.some(({ family, series }) => family === version && Array.from(series).some(isLive)),
        ),
      };
    },
  };
}

function byAge(a: StoredFamily, b: StoredFamily): number {
  return a.createdAtMs - b.createdAtMs || (a.family.key < b.family.key ? -1 : 1);
}

function storedSeries(
  { family, series: all }: StoredFamily,
  isShown: (one: StoredSeries) => boolean,
  interner: SeriesInterner,
): SnapshotSeries[] {
  const kept = family.aggregation === 'keep';
  const histogram = family.type === 'histogram' || family.type === 'exponentialhistogram';
  const shown: SnapshotSeries[] = [];
  for (const one of all) {
    // A histogram of nothing was folded into another one. Its boundaries would coarsen that one for nothing.
    if (!isShown(one) || (histogram && isNothing(family, one.values))) continue;
    const { series, startedAtMs, values } = one;
    shown.push({ series: interner.intern(series), startMs: kept ? 0 : startedAtMs, values });
  }
  return shown;
}

/**
 * Versions of a histogram become one family, at the place of the oldest. A family with another type or unit stays apart: its
 * numbers mean something else.
 */
function mergeVersions(
  families: readonly SnapshotFamily[],
  isLive: (family: Family) => boolean,
): SnapshotFamily[] {
  const versions = new Map<string, SnapshotFamily[]>();
  for (const present of families) {
    const version = versionOf(present.family);
    const same = versions.get(version);
    if (same === undefined) versions.set(version, [present]);
    else same.push(present);
  }
  return Array.from(versions.values(), (same) => {
    const [only] = same;
    return only !== undefined && same.length === 1 ? only : mergeHistograms(same, isLive);
  });
}

function versionOf({ key, name, type, unit }: Family): string {
  return type === 'histogram' ? JSON.stringify([name, unit]) : key;
}

function sharedAttributes([first = [], ...others]: readonly Attributes[]): Attributes {
  const maps = others.map((resource) => new Map(resource));
  return first.filter(([key, value]) => maps.every((map) => map.get(key) === value));
}
