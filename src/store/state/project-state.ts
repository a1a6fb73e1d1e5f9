import type { Family } from '../../model/family.js';
import type { Attributes } from '../../model/series.js';
import { prefixTaken } from '../project-errors.js';
import type { StoredState, StoredValue } from '../snapshot/stored-state.js';
import type { BatchPart, Sender } from './batch-part.js';
import type { Step } from './fold-expired.js';
import { Locks } from './locks.js';
import { ProjectFamily } from './project-family.js';
import { ProjectInstance } from './project-instance.js';

/**
 * All data of a project, and every change that can happen to them. Deterministic: the same changes in the same order give
 * the same state in every process, so that processes that read one log agree on each detail, such as which series the cap
 * moved. For the same reason each change brings its time along.
 */
export class ProjectState {
  /** The name as it was given; the first batch binds it. */
  project: string | undefined;
  readonly families: Map<string, ProjectFamily> = new Map();
  /** By lease. */
  readonly instances: Map<string, ProjectInstance> = new Map();
  readonly locks: Locks = new Locks();
  /** The time of the last wipe. */
  wipedAtMs: number = Number.NEGATIVE_INFINITY;

  /** Creates the family, or gives it another help and aggregation. */
  describe(family: Family, atMs: number): ProjectFamily {
    const known = this.families.get(family.key);
    if (known !== undefined) {
      known.family = family;
      return known;
    }
    const created = new ProjectFamily(family, atMs);
    this.families.set(family.key, created);
    return created;
  }

  /** Returns the number of points of this batch that the cap moved. A part that is not the next one adds nothing. */
  apply({ lease, leaseMs, maxSeries }: Sender, batch: BatchPart, atMs: number): number {
    const instance = this.#instance(lease, batch.resource);
    instance.updatedAtMs = atMs;
    instance.leaseEndsAtMs = atMs + leaseMs;
    if (!instance.expects(batch)) return batch.sequence === instance.sequence ? instance.overflowed : 0;

    let overflowed = batch.part === 0 ? 0 : instance.overflowed;
    for (const { family, points } of batch.deltas) {
      const target = this.#family(family, atMs);
      for (const point of points) if (!target.add(point, maxSeries, atMs)) overflowed += 1;
    }
    if (batch.last) {
      const reported: StoredValue[] = [];
      for (const { family, points } of batch.current) {
        const capped = this.#family(family, atMs).report(points, maxSeries, atMs, batch.collectedAtMs);
        for (const value of capped.values) reported.push(value);
        overflowed += capped.overflowed;
      }
      instance.values = reported;
    }
    instance.sequence = batch.sequence;
    instance.parts = batch.part + 1;
    instance.complete = batch.last;
    instance.overflowed = overflowed;
    return overflowed;
  }

  /** Adds in one step, if everything is there to which it adds. */
  fold(step: Step, atMs: number): void {
    const targets = step.flatMap(({ family, points }) =>
      points.map((point) => ({ point, target: this.families.get(family.key) })),
    );
    if (!targets.every(({ point, target }) => target?.series.has(point.series.id))) return;
    for (const { point, target } of targets) target?.add(point, Number.POSITIVE_INFINITY, atMs);
  }

  endLease(lease: string): void {
    const instance = this.instances.get(lease);
    if (instance === undefined) return;
    instance.leaseEndsAtMs = 0;
    instance.forgetCurrent();
    if (instance.complete) this.instances.delete(lease);
    this.locks.endLease(lease);
  }

  /** True if {@link sweep} would change anything. */
  needsSweep(ttlMs: number, atMs: number): boolean {
    const expiredAtMs = atMs - ttlMs;
    for (const family of this.families.values()) if (family.hasExpired(expiredAtMs)) return true;
    for (const instance of this.instances.values()) {
      if (instance.updatedAtMs <= expiredAtMs || instance.isOver(atMs)) return true;
    }
    return false;
  }

  sweep(ttlMs: number, atMs: number): void {
    const expiredAtMs = atMs - ttlMs;
    for (const [key, family] of this.families) {
      family.sweep(expiredAtMs);
      if (family.series.size === 0) this.families.delete(key);
    }
    for (const [lease, instance] of this.instances) {
      if (instance.updatedAtMs <= expiredAtMs || instance.isOver(atMs)) this.instances.delete(lease);
      else if (!instance.isAlive(atMs)) instance.forgetCurrent();
    }
    this.locks.sweep(atMs);
    if (this.families.size === 0 && this.instances.size === 0) this.project = undefined;
  }

  /** Deletes what is stored of some families. What instances say at the moment is with the instances, and stays. */
  forget(families: readonly string[]): void {
    for (const key of families) {
      const aggregation = this.families.get(key)?.family.aggregation;
      if (aggregation === undefined || aggregation === 'keep') this.families.delete(key);
    }
  }

  wipe(atMs: number): void {
    this.wipedAtMs = atMs;
    this.project = undefined;
    this.families.clear();
    this.instances.clear();
    this.locks.clear();
  }

  /** Throws `ORCHESTRATOR_PREFIX_TAKEN` if the data belong to another project. */
  assertOwner(prefix: string, project: string): void {
    if (this.project === undefined || this.project === project) return;
    throw prefixTaken({ prefix, project }, this.project);
  }

  /** For a snapshot. Later changes do not show in it. */
  stored(atMs: number): StoredState {
    const live = [...this.instances].filter(([, instance]) => instance.isAlive(atMs));
    return {
      atMs,
      families: Array.from(this.families.values(), (family) => family.stored()),
      instances: live.map(([lease, { resource = [], values }]) => ({ lease, resource, values })),
    };
  }

  #family(family: Family, atMs: number): ProjectFamily {
    return this.families.get(family.key) ?? this.describe(family, atMs);
  }

  #instance(lease: string, resource: Attributes | undefined): ProjectInstance {
    let instance = this.instances.get(lease);
    if (instance === undefined) this.instances.set(lease, (instance = new ProjectInstance()));
    if (resource !== undefined) instance.resource = resource;
    return instance;
  }
}
