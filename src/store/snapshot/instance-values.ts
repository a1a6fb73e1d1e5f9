import { attributeOf, type Series } from '../../model/series.js';
import type { Family, InstanceAggregation } from '../../model/family.js';
import type { SnapshotSeries } from '../../model/snapshot.js';
import type { StoredInstance, StoredValue } from './stored-state.js';
import { INSTANCE_ATTRIBUTE, type SeriesInterner } from './series-interner.js';

/** ISO 8601, in UTC; OpenTelemetry resource semantic conventions. */
const CREATION_ATTRIBUTE = 'process.creation.time';

/** One current value and the name of the instance that reports it. */
interface Reported extends StoredValue {
  readonly instance: string;
}

/** A live instance with the name that its series carry. */
export interface NamedInstance extends StoredInstance {
  readonly id: string;
}

/** The current values of all live instances, by family. */
export function valuesByFamily(
  instances: readonly NamedInstance[],
): ReadonlyMap<string, readonly Reported[]> {
  const families = new Map<string, Reported[]>();
  for (const { id, values } of instances) {
    for (const { familyKey, series, recordedAtMs, value } of values) {
      const reported = { familyKey, series, recordedAtMs, value, instance: id };
      const list = families.get(familyKey);
      if (list === undefined) families.set(familyKey, [reported]);
      else list.push(reported);
    }
  }
  return families;
}

/** Ordered by lease, so that every scrape lists them alike. */
export function namedInstances(instances: readonly StoredInstance[]): NamedInstance[] {
  const sorted = instances.toSorted((a, b) => (a.lease < b.lease ? -1 : 1));
  const ids = instanceNames(sorted);
  return sorted.map((instance, index) => ({ ...instance, id: ids[index] ?? instance.lease }));
}

/**
 * The name of each instance: its `service.instance.id`. Several processes may share one, because `OTEL_RESOURCE_ATTRIBUTES`
 * sets it for all of them, and would write the same series. The oldest keeps it, so that a process that starts changes no
 * label of another; the others get a part of their lease appended.
 */
function instanceNames(instances: readonly StoredInstance[]): string[] {
  const named = instances.map(({ lease, resource }) => ({
    lease,
    id: attributeOf(resource, INSTANCE_ATTRIBUTE) ?? lease,
    startedAt: attributeOf(resource, CREATION_ATTRIBUTE) ?? '',
  }));
  const oldest = new Map<string, (typeof named)[number]>();
  for (const one of named) {
    const before = oldest.get(one.id);
    if (before === undefined || one.startedAt < before.startedAt) oldest.set(one.id, one);
  }
  return named.map((one) => (oldest.get(one.id) === one ? one.id : `${one.id}#${one.lease.slice(0, 8)}`));
}

/** One value for each series of a family from what several instances report. Not for aggregation `keep`. */
export function aggregate(
  family: Family,
  reported: readonly Reported[],
  interner: SeriesInterner,
): SnapshotSeries[] {
  const perInstance = family.aggregation === 'instance';
  const groups = new Map<string, { readonly series: Series; readonly total: Accumulator }>();
  for (const point of reported) {
    const series = perInstance
      ? interner.withInstance(interner.intern(point.series), point.instance)
      : interner.intern(point.series);
    const group = groups.get(series.id);
    if (group === undefined) groups.set(series.id, { series, total: new Accumulator(point) });
    else group.total.add(point);
  }
  const mode = family.aggregation ?? 'last';
  return Array.from(groups.values(), ({ series, total }) => ({
    series,
    startMs: 0,
    values: [total.get(mode)],
  }));
}

class Accumulator {
  #count = 1;
  #sum: number;
  #min: number;
  #max: number;
  #last: number;
  #lastAtMs: number;

  constructor({ value, recordedAtMs }: Reported) {
    this.#sum = this.#min = this.#max = this.#last = value;
    this.#lastAtMs = recordedAtMs;
  }

  add({ value, recordedAtMs }: Reported): void {
    this.#count += 1;
    this.#sum += value;
    // Not Math.min: one instance's NaN ("no value") must not hide the others' numbers.
    if (value < this.#min || Number.isNaN(this.#min)) this.#min = value;
    if (value > this.#max || Number.isNaN(this.#max)) this.#max = value;
    if (recordedAtMs > this.#lastAtMs) {
      this.#last = value;
      this.#lastAtMs = recordedAtMs;
    }
  }

  get(mode: InstanceAggregation): number {
    if (mode === 'sum') return this.#sum;
    if (mode === 'min') return this.#min;
    if (mode === 'max') return this.#max;
    if (mode === 'avg') return this.#sum / this.#count;
    return this.#last;
  }
}
