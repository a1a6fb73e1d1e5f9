import { aggregate, namedInstances, valuesByFamily } from './instance-values.js';
import { projectResource } from './project-resource.js';
import type { Family } from '../../model/family.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../../model/snapshot.js';
import type { StoredFamily, StoredState } from './stored-state.js';
import { SeriesInterner } from './series-interner.js';
import { mergeOnSharedBoundaries } from './histogram-versions.js';

/** Turns what a store holds into what a scrape shows. Pure but for the interning of series. */
export interface SnapshotBuilder {
  build(state: StoredState): Snapshot;
}

/** A builder belongs to one open store. `ttlMs`: stored series that were not written for this long are left out. */
export function createSnapshotBuilder(ttlMs: number): SnapshotBuilder {
  const interner = new SeriesInterner();
  return {
    build({ atMs, families, instances }) {
      const named = namedInstances(instances);
      const reported = valuesByFamily(named);
      const answer = (stored: StoredFamily): SnapshotFamily => {
        const { aggregation, key } = stored.family;
        const series =
          aggregation === undefined || aggregation === 'keep'
            ? liveSeries(stored, atMs - ttlMs, interner)
            : aggregate(stored.family, reported.get(key) ?? [], interner);
        return { family: stored.family, series };
      };
      const present = Array.from(families)
        .toSorted(byAge)
        .map(answer)
        .filter(({ series }) => series.length > 0);
      interner.rotate();
      return {
        resource: projectResource(instances.map((instance) => instance.resource)),
        instances: instances.length,
        processes: named.map(({ id, resource }) => ({ id, resource })),
        families: mergeVersions(present),
      };
    },
  };
}

function byAge(a: StoredFamily, b: StoredFamily): number {
  return a.createdAtMs - b.createdAtMs || (a.family.key < b.family.key ? -1 : 1);
}

function liveSeries(stored: StoredFamily, expiredAtMs: number, interner: SeriesInterner): SnapshotSeries[] {
  const kept = stored.family.aggregation === 'keep';
  const live: SnapshotSeries[] = [];
  for (const { series, updatedAtMs, startedAtMs, values } of stored.series) {
    if (updatedAtMs > expiredAtMs)
      live.push({ series: interner.intern(series), startMs: kept ? 0 : startedAtMs, values });
  }
  return live;
}

/**
 * Versions of a histogram become one family, at the place of the oldest. A family with another type or unit stays apart: its
 * numbers mean something else.
 */
function mergeVersions(families: readonly SnapshotFamily[]): SnapshotFamily[] {
  const versions = new Map<string, SnapshotFamily[]>();
  for (const present of families) {
    const version = versionOf(present.family);
    const same = versions.get(version);
    if (same === undefined) versions.set(version, [present]);
    else same.push(present);
  }
  return Array.from(versions.values(), (same) => {
    const [only] = same;
    return only !== undefined && same.length === 1 ? only : mergeOnSharedBoundaries(same);
  });
}

function versionOf({ key, name, type, unit }: Family): string {
  return type === 'histogram' ? JSON.stringify([name, unit]) : key;
}
