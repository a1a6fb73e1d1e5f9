import { addValues } from '../../model/add-values.js';
import { capCurrentPoints } from './cap-current-values.js';
import type { StoredFamily, StoredState, StoredValue } from '../snapshot/stored-state.js';
import { OVERFLOW_SERIES, type Attributes, type Series } from '../../model/series.js';
import type { CurrentPoint, DeltaBatch, DeltaPoint, FamilyPoints } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { prefixTaken } from '../project-errors.js';

/** One series of a family. Current values are listed too, which is how their number is limited. */
export interface SeriesState {
  readonly series: Series;
  updatedMs: number;
  /** When it started from zero; of current values when the value was first seen. */
  startMs: number;
  values: number[];
}

export interface FamilyState {
  family: Family;
  readonly createdMs: number;
  readonly series: Map<string, SeriesState>;
}

export interface InstanceState {
  resource?: Attributes;
  /** The last batch, and how many of its parts were applied; a batch in one piece has one. */
  sequence: number;
  parts: number;
  complete: boolean;
  /** Points of the last batch that the cap moved. */
  overflowed: number;
  updatedMs: number;
  leaseEndMs: number;
  values: readonly StoredValue[];
}

/** Whose turn it is, and until when. */
export interface Hold {
  readonly lease: string;
  readonly untilMs: number;
}

/** What the store must know about who sends a batch. */
export interface Sender {
  readonly lease: string;
  readonly leaseMs: number;
  readonly maxSeries: number;
}

/**
 * A whole batch, or one of the parts that it was sent in. The current values come with the last part. Not every record of a
 * log repeats the resource.
 */
export interface BatchPart extends Pick<DeltaBatch, 'sequence' | 'deltas' | 'current'> {
  readonly resource?: Attributes | undefined;
  /** When the values were collected, by the store's clock; their ages count from here. */
  readonly collectedMs: number;
  readonly part: number;
  readonly last: boolean;
}

/**
 * All data of a project, and every change that can happen to them. Deterministic: the same changes in the same order give
 * the same state in every process, so that processes which read one log agree on each detail, such as which series the cap
 * moved. Time comes with each change for the same reason.
 */
export class ProjectState {
  /** The name as it was given; the first batch binds it. */
  project: string | undefined;
  readonly families: Map<string, FamilyState> = new Map();
  readonly instances: Map<string, InstanceState> = new Map();
  /** Turns by name. */
  readonly holds: Map<string, Hold> = new Map();

  /** Creates the family, or gives it another help and aggregation. */
  describe(family: Family, nowMs: number): FamilyState {
    const known = this.families.get(family.key);
    if (known !== undefined) {
      known.family = family;
      return known;
    }
    const created: FamilyState = { family, createdMs: nowMs, series: new Map() };
    this.families.set(family.key, created);
    return created;
  }

  /** Answers how many points of this batch the cap has moved. A part that is not the next one adds nothing. */
  apply(sender: Sender, batch: BatchPart, nowMs: number): number {
    const instance = this.#instance(sender.lease, batch.resource);
    instance.updatedMs = nowMs;
    instance.leaseEndMs = nowMs + sender.leaseMs;
    if (!isNext(instance, batch)) return batch.sequence === instance.sequence ? instance.overflowed : 0;

    let overflowed = batch.part === 0 ? 0 : instance.overflowed;
    for (const { family, points } of batch.deltas) {
      const target = this.families.get(family.key) ?? this.describe(family, nowMs);
      for (const point of points) overflowed += add(target, point, sender.maxSeries, nowMs);
    }
    if (batch.last) {
      const values: StoredValue[] = [];
      for (const reported of batch.current)
        overflowed += this.#replace(reported, values, sender.maxSeries, {
          nowMs,
          collectedMs: batch.collectedMs,
        });
      instance.values = values;
    }
    instance.sequence = batch.sequence;
    instance.parts = batch.part + 1;
    instance.complete = batch.last;
    instance.overflowed = overflowed;
    return overflowed;
  }

  /** Gives a turn to who asks, unless it is another's. */
  acquireLock(lease: string, name: string, ms: number, nowMs: number): void {
    const held = this.holds.get(name);
    if (held === undefined || held.lease === lease || held.untilMs <= nowMs) {
      this.holds.set(name, { lease, untilMs: nowMs + ms });
    }
  }

  /** Whether it is this lease's turn. */
  holdsNow(lease: string, name: string, nowMs: number): boolean {
    const held = this.holds.get(name);
    return held !== undefined && held.lease === lease && held.untilMs > nowMs;
  }

  endLease(lease: string): void {
    const instance = this.instances.get(lease);
    if (instance === undefined) return;
    instance.leaseEndMs = 0;
    forgetCurrent(instance);
    for (const [name, held] of this.holds) if (held.lease === lease) this.holds.delete(name);
  }

  /** True if {@link sweep} would change anything. */
  needsSweep(ttlMs: number, nowMs: number): boolean {
    const expiredMs = nowMs - ttlMs;
    for (const { series } of this.families.values()) {
      if (series.size === 0) return true;
      for (const { updatedMs } of series.values()) if (updatedMs <= expiredMs) return true;
    }
    for (const { updatedMs, leaseEndMs, values, resource } of this.instances.values()) {
      if (updatedMs <= expiredMs) return true;
      if (leaseEndMs <= nowMs && (values.length > 0 || resource !== undefined)) return true;
    }
    return false;
  }

  sweep(ttlMs: number, nowMs: number): void {
    const expiredMs = nowMs - ttlMs;
    for (const [key, { series }] of this.families) {
      for (const [id, { updatedMs }] of series) if (updatedMs <= expiredMs) series.delete(id);
      if (series.size === 0) this.families.delete(key);
    }
    for (const [lease, instance] of this.instances) {
      if (instance.updatedMs <= expiredMs) this.instances.delete(lease);
      else if (instance.leaseEndMs <= nowMs) forgetCurrent(instance);
    }
    for (const [name, { untilMs }] of this.holds) if (untilMs <= nowMs) this.holds.delete(name);
    if (this.families.size === 0 && this.instances.size === 0) this.project = undefined;
  }

  wipe(): void {
    this.project = undefined;
    this.families.clear();
    this.instances.clear();
    this.holds.clear();
  }

  /** Throws `ORCHESTRATOR_PREFIX_TAKEN` if the data belong to another project. */
  assertOwner(prefix: string, project: string): void {
    if (this.project === undefined || this.project === project) return;
    throw prefixTaken({ prefix, project }, this.project);
  }

  /** A copy: a snapshot must not change while someone renders it. */
  stored(nowMs: number): StoredState {
    const live = [...this.instances].filter(([, { leaseEndMs }]) => leaseEndMs > nowMs);
    return {
      nowMs,
      families: Array.from(this.families.values(), copyOfFamily),
      instances: live.map(([lease, { resource = [], values }]) => ({ lease, resource, values })),
    };
  }

  #instance(lease: string, resource: Attributes | undefined): InstanceState {
    let instance = this.instances.get(lease);
    if (instance === undefined) {
      instance = {
        sequence: 0,
        parts: 0,
        complete: true,
        overflowed: 0,
        updatedMs: 0,
        leaseEndMs: 0,
        values: [],
      };
      this.instances.set(lease, instance);
    }
    if (resource !== undefined) instance.resource = resource;
    return instance;
  }

  #replace(
    { family, points }: FamilyPoints<CurrentPoint>,
    into: StoredValue[],
    maxSeries: number,
    { nowMs, collectedMs }: { readonly nowMs: number; readonly collectedMs: number },
  ): number {
    const target = this.families.get(family.key) ?? this.describe(family, nowMs);
    const admit = (series: Series): boolean => {
      const admitted = admits(target, series, maxSeries);
      // Listed at once: the next point of this very batch must find one place less.
      if (admitted) list(target, series, nowMs);
      return admitted;
    };
    const { values, overflowed } = capCurrentPoints(family, points, collectedMs, admit);
    for (const { series, recordedMs, value } of values) {
      const known = list(target, series, nowMs);
      if (recordedMs >= known.startMs) {
        known.startMs = recordedMs;
        known.values[0] = value;
      }
      into.push({ familyKey: family.key, series, recordedMs, value });
    }
    return overflowed;
  }
}

/** A batch that waited for an outage to end is older than its arrival. `nowMs`: the store's clock. */
export function collectionMs({ collectedAt }: DeltaBatch, nowMs: number): number {
  return nowMs - Math.max(0, performance.now() - collectedAt);
}

/** Of an instance that is gone, only the sequence is remembered: there may be many of them, of jobs that run for a second. */
function forgetCurrent(instance: InstanceState): void {
  instance.values = [];
  delete instance.resource;
}

function isNext(done: InstanceState, { sequence, part }: BatchPart): boolean {
  if (sequence === done.sequence) return !done.complete && part === done.parts;
  return sequence > done.sequence && part === 0;
}

function admits({ series: known }: FamilyState, series: Series, maxSeries: number): boolean {
  if (known.has(series.id) || series.id === OVERFLOW_SERIES.id) return true;
  return known.size - (known.has(OVERFLOW_SERIES.id) ? 1 : 0) < maxSeries;
}

function add(target: FamilyState, { series, values }: DeltaPoint, maxSeries: number, nowMs: number): number {
  const admitted = admits(target, series, maxSeries);
  const into = admitted ? series : OVERFLOW_SERIES;
  const known = target.series.get(into.id);
  if (known === undefined) {
    target.series.set(into.id, { series: into, updatedMs: nowMs, startMs: nowMs, values: [...values] });
  } else {
    known.updatedMs = nowMs;
    known.values = addValues(target.family, known.values, values);
  }
  return admitted ? 0 : 1;
}

function list(target: FamilyState, series: Series, nowMs: number): SeriesState {
  let known = target.series.get(series.id);
  if (known === undefined) {
    known = { series, updatedMs: nowMs, startMs: 0, values: [] };
    target.series.set(series.id, known);
  }
  known.updatedMs = nowMs;
  return known;
}

function copyOfFamily({ family, createdMs, series }: FamilyState): StoredFamily {
  return {
    family,
    createdMs,
    series: Array.from(series.values(), (one) => ({ ...one, values: one.values.slice() })),
  };
}
