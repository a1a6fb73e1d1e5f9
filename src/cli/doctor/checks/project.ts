import { sanitizePrefix } from '../../../config/prefix.js';
import { OVERFLOW_SERIES } from '../../../model/series.js';
import type { Snapshot, SnapshotFamily } from '../../../model/snapshot.js';
import type { ProjectName, ProjectSummary } from '../../../store/store-reader.js';
import { durationText } from '../../output/quantities.js';
import { finding, type Finding } from '../findings.js';

/** What a reader of the store knows about the project. */
export interface ProjectFacts {
  readonly store: string;
  /** The name as it was given: by an argument or a setting, by package.json. */
  readonly wanted: string;
  readonly found: ProjectName | undefined;
  readonly summary: ProjectSummary | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly maxSeries: number;
}

const NEAR = 0.8;

/** Names a project that has no name. */
const UNKNOWN = 'unknown_service';

export function checkProject(facts: ProjectFacts): Finding[] {
  const { store, wanted, found, summary } = facts;
  const prefix = sanitizePrefix(wanted);
  if (wanted === UNKNOWN) return [finding('no-name', {})];
  if (found === undefined || summary === undefined) return [finding('project-unknown', { store, prefix })];
  // A name that is written as it stands in keys may mean either.
  if (found.project !== wanted && wanted !== prefix) {
    const suggestion = `${prefix}-2`;
    const values = {
      prefix,
      owner: JSON.stringify(found.project),
      project: JSON.stringify(wanted),
      suggestion,
    };
    return [finding('prefix-taken', values)];
  }
  const families = facts.snapshot?.families ?? [];
  return [
    ...checkFreshness(prefix, summary),
    ...families.flatMap((family) => checkSeries(prefix, family, facts.maxSeries)),
  ];
}

function checkFreshness(prefix: string, { instances, lastWriteMs, nowMs }: ProjectSummary): Finding[] {
  if (instances > 0) return [];
  const age = lastWriteMs === undefined ? 'long' : durationText(Math.max(0, nowMs - lastWriteMs));
  return [finding('flush-stale', { prefix, age })];
}

/** The limit is on attribute sets over all instances; a gauge shows each of them once for every instance. */
function checkSeries(prefix: string, { family, series }: SnapshotFamily, limit: number): Finding[] {
  const sets = new Set<string>();
  let hasOverflow = false;
  for (const { series: one } of series) {
    if (one.id === OVERFLOW_SERIES.id) hasOverflow = true;
    else
      sets.add(
        JSON.stringify([one.scope.name, one.attributes.filter(([key]) => key !== 'service.instance.id')]),
      );
  }
  const values = { metric: family.name, limit, prefix };
  if (hasOverflow) return [finding('series-over-cap', values)];
  return sets.size >= limit * NEAR ? [finding('series-near-cap', { ...values, series: sets.size })] : [];
}
