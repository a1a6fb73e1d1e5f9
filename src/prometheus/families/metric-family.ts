import type { Family, FamilyType } from '../../model/family.js';
import type { Series } from '../../model/series.js';
import type { Snapshot, SnapshotFamily } from '../../model/snapshot.js';
import { type MetricName, withoutTotal } from '../naming/names.js';
import { type Warn, warning } from '../../warnings.js';

/** `unknown`: in OpenMetrics a counter that cannot have its `_total`, or whose name clashes. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'info' | 'unknown';

/** `openmetrics` forbids more names to meet than the other formats. */
export type Dialect = 'prometheus' | 'openmetrics';

/** All lines of one Prometheus metric: one HELP, one TYPE, the series of every family that has this name. */
export interface MetricFamily {
  /** The name of the samples of a counter or gauge, and the prefix of a histogram's; `_total` and `_info` included. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** The words with which the name ends, for `# UNIT`; `''` if none. */
  readonly unit: string;
  readonly families: readonly SnapshotFamily[];
}

export interface GroupingRules {
  readonly dialect: Dialect;
  /** Undefined for a family that cannot be named. */
  readonly nameOf: (family: Family) => MetricName | undefined;
  readonly targetInfo: boolean;
  /** Our own about each process; undefined: none. */
  readonly instanceInfo?: SnapshotFamily | undefined;
  /** Called for every conflict of every scrape; the callee reports each key once. */
  readonly report: (key: string, ...told: Parameters<Warn>) => void;
}

const NO_SCOPE_SERIES: Series = { id: 'self', scope: { name: '' }, attributes: [] };

const INSTANCES: Family = {
  key: 'orchestrator_instances',
  name: 'orchestrator_instances',
  type: 'gauge',
  unit: '',
  help: 'Live instances of the project.',
};

const TARGET_INFO: MetricFamily = {
  name: 'target_info',
  type: 'info',
  help: 'Target metadata',
  unit: '',
  families: [],
};

/**
 * Groups the families of a snapshot by their Prometheus name, target_info first. The oldest family decides about a name:
 * "Exporters MUST drop entire metrics to prevent conflicting TYPE comments, but SHOULD NOT drop metric points as a result
 * of conflicting UNIT or HELP comments."
 */
export function groupFamilies(snapshot: Snapshot, rules: GroupingRules): MetricFamily[] {
  const groups = new FamilyGroups(rules);
  if (rules.targetInfo && snapshot.resource.some(([, value]) => value !== '')) groups.addTargetInfo();
  groups.add(instances(snapshot.instances));
  const { instanceInfo } = rules;
  for (const family of instanceInfo === undefined ? snapshot.families : [instanceInfo, ...snapshot.families])
    if (family.series.length > 0) groups.add(family);
  return groups.finish();
}

function instances(value: number): SnapshotFamily {
  return { family: INSTANCES, series: [{ series: NO_SCOPE_SERIES, startMs: 0, values: [value] }] };
}

interface Draft {
  readonly name: string;
  type: MetricType;
  help: string;
  unit: string;
  readonly families: SnapshotFamily[];
}

class FamilyGroups {
  readonly #rules: GroupingRules;
  readonly #drafts = new Map<string, Draft>();
  /** Which metric writes, or by OpenMetrics might write, samples of a name. */
  readonly #claims = new Map<string, Draft>();

  constructor(rules: GroupingRules) {
    this.#rules = rules;
  }

  addTargetInfo(): void {
    this.#claim({ ...TARGET_INFO, families: [] });
  }

  add(added: SnapshotFamily): void {
    const { family } = added;
    const named = this.#rules.nameOf(family);
    if (named === undefined) {
      this.#report(family, 'its name has no letter or digit that Prometheus allows');
      return;
    }
    const type = METRIC_TYPES[family.type];
    const draft = this.#drafts.get(named.name);
    if (draft !== undefined && draft.type === type) {
      this.#join(draft, added, named.unit);
      return;
    }
    const help = family.help;
    const taken = this.#claim({ name: named.name, type, help, unit: named.unit, families: [added] });
    if (taken === undefined) return;
    const owner = taken.families[0]?.family.name ?? taken.name;
    this.#report(
      family,
      `as a ${type} it would need the name ${named.name}, which clashes with the ${taken.type} ${taken.name} (${owner})`,
    );
  }

  finish(): MetricFamily[] {
    const metrics = [...this.#drafts.values()];
    if (this.#rules.dialect === 'openmetrics') for (const draft of metrics) this.#fitOpenMetrics(draft);
    return metrics;
  }

  /** Registers a metric, or returns the one that is in its way. */
  #claim(draft: Draft): Draft | undefined {
    const names = sampleNames(draft.name, draft.type, this.#rules.dialect);
    for (const name of names) {
      const taken = this.#claims.get(name);
      if (taken !== undefined) return taken;
    }
    for (const name of names) this.#claims.set(name, draft);
    this.#drafts.set(draft.name, draft);
    return undefined;
  }

  #join(draft: Draft, added: SnapshotFamily, unit: string): void {
    const { family } = added;
    draft.families.push(added);
    if (draft.unit === '') draft.unit = unit;
    if (draft.help === '') draft.help = family.help;
    else if (family.help !== '' && family.help !== draft.help) {
      this.#rules.report(
        `help ${draft.name} ${family.key}`,
        ...warning('ORCHESTRATOR_DESCRIPTIONS_DIFFER', { metric: family.name, name: draft.name }),
      );
    }
  }

  /**
   * In OpenMetrics the counter `foo_total` is a family `foo`, which might meet the gauge `foo`; `target_info` is a
   * family `target`. In that case it keeps its samples and gives up its type.
   */
  #fitOpenMetrics(draft: Draft): void {
    if (draft.type !== 'counter' && draft.type !== 'info') return;
    const base = draft.type === 'counter' ? withoutTotal(draft.name) : 'target';
    const free = (name: string): boolean => (this.#claims.get(name) ?? draft) === draft;
    const fits =
      base !== '' && base !== draft.name && free(base) && (draft.type === 'info' || free(`${base}_created`));
    if (!fits) draft.type = draft.type === 'info' ? 'gauge' : 'unknown';
    else for (const name of [base, `${base}_created`]) this.#claims.set(name, draft);
  }

  #report(family: Family, why: string): void {
    const told = warning('ORCHESTRATOR_METRIC_NOT_EXPOSED', { metric: family.name, why });
    this.#rules.report(`drop ${family.key}`, ...told);
  }
}

export const METRIC_TYPES: Readonly<Record<FamilyType, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  // "… the sum is non-monotonic, it should follow the same rules as described for OpenTelemetry Gauge."
  updowncounter: 'gauge',
  histogram: 'histogram',
  exponentialhistogram: 'histogram',
};

function sampleNames(name: string, type: MetricType, dialect: Dialect): string[] {
  if (type !== 'histogram') return [name];
  const names = [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  return dialect === 'openmetrics' ? [...names, `${name}_created`] : names;
}
