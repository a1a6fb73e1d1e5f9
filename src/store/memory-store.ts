import { OrchestratorError } from '../errors.js';
import { capCurrentPoints } from './current-values.js';
import {
  MemoryBackend,
  type MemoryFamily,
  type MemoryInstance,
  type MemoryProject,
} from './memory-backend.js';
import { createSnapshotBuilder, type SnapshotBuilder, type StoredFamily, type StoredValue } from './merge.js';
import {
  type Attributes,
  OVERFLOW_SERIES,
  type ApplyResult,
  type CurrentPoint,
  type DeltaBatch,
  type DeltaPoint,
  type Family,
  type FamilyPoints,
  type MetricStore,
  type Series,
  type Snapshot,
  type StoreContext,
} from './metric-store.js';

export { MemoryBackend } from './memory-backend.js';

/** A store within this process: for one process, for tests, and for when no other store can be had. */
export function createMemoryStore(
  context: StoreContext,
  backend: MemoryBackend = new MemoryBackend(),
): MetricStore {
  return new MemoryStore(context, backend);
}

class MemoryStore implements MetricStore {
  readonly description = 'memory';
  readonly #context: StoreContext;
  readonly #backend: MemoryBackend;
  readonly #builder: SnapshotBuilder;
  /** Families that this instance has described; a family that was lost comes back as another object. */
  readonly #described = new WeakSet<MemoryFamily>();
  #closed = false;

  constructor(context: StoreContext, backend: MemoryBackend) {
    this.#context = context;
    this.#backend = backend;
    this.#builder = createSnapshotBuilder(context.ttlMs);
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    this.#assertOpen();
    const { prefix, project, leaseMs } = this.#context;
    const data = this.#backend.findOrCreate(prefix, project);
    const nowMs = this.#backend.now();
    const instance = this.#instance(data, batch.resource);
    instance.updatedMs = nowMs;
    instance.leaseEndMs = nowMs + leaseMs;
    if (batch.sequence <= instance.sequence) return { overflowed: 0 };

    let overflowed = 0;
    for (const { family, points } of batch.deltas) {
      const target = this.#family(data, family, nowMs);
      for (const point of points) overflowed += this.#add(target, point, nowMs);
    }
    const values: StoredValue[] = [];
    for (const reported of batch.current) overflowed += this.#replace(data, reported, values, nowMs);
    instance.values = values;
    instance.sequence = batch.sequence;
    return { overflowed };
  }

  async snapshot(): Promise<Snapshot> {
    const data = this.#find();
    const nowMs = this.#backend.now();
    const live = [...(data?.instances ?? [])].filter(([, instance]) => instance.leaseEndMs > nowMs);
    return this.#builder.build({
      nowMs,
      families: Array.from(data?.families.values() ?? [], copyOfFamily),
      instances: live.map(([lease, { resource, values }]) => ({ lease, resource, values })),
    });
  }

  async sweep(): Promise<void> {
    const data = this.#find();
    if (data === undefined) return;
    const expiredMs = this.#backend.now() - this.#context.ttlMs;
    for (const [key, { series }] of data.families) {
      for (const [id, { updatedMs }] of series) if (updatedMs <= expiredMs) series.delete(id);
      if (series.size === 0) data.families.delete(key);
    }
    for (const [lease, { updatedMs }] of data.instances) {
      if (updatedMs <= expiredMs) data.instances.delete(lease);
    }
    if (data.families.size === 0 && data.instances.size === 0) this.#backend.delete(this.#context.prefix);
  }

  async leave(): Promise<void> {
    const instance = this.#find()?.instances.get(this.#context.lease);
    if (instance === undefined) return;
    instance.leaseEndMs = 0;
    instance.values = [];
  }

  async wipe(): Promise<void> {
    if (this.#find() !== undefined) this.#backend.delete(this.#context.prefix);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new OrchestratorError('ORCHESTRATOR_STORE_CLOSED', 'The memory store was closed.');
  }

  #find(): MemoryProject | undefined {
    this.#assertOpen();
    return this.#backend.find(this.#context.prefix, this.#context.project);
  }

  #instance(data: MemoryProject, resource: Attributes): MemoryInstance {
    const { lease } = this.#context;
    let instance = data.instances.get(lease);
    if (instance === undefined) {
      instance = { sequence: 0, updatedMs: 0, leaseEndMs: 0, resource, values: [] };
      data.instances.set(lease, instance);
    }
    return instance;
  }

  #family(data: MemoryProject, family: Family, nowMs: number): MemoryFamily {
    let known = data.families.get(family.key);
    if (known === undefined) {
      known = { family, createdMs: nowMs, series: new Map() };
      data.families.set(family.key, known);
    }
    if (!this.#described.has(known)) {
      this.#described.add(known);
      known.family = family;
    }
    return known;
  }

  #admits({ series: known }: MemoryFamily, series: Series): boolean {
    if (known.has(series.id) || series.id === OVERFLOW_SERIES.id) return true;
    return known.size - (known.has(OVERFLOW_SERIES.id) ? 1 : 0) < this.#context.maxSeries;
  }

  /** Answers how many points the cap moved. */
  #add(target: MemoryFamily, { series, values }: DeltaPoint, nowMs: number): number {
    const admitted = this.#admits(target, series);
    const into = admitted ? series : OVERFLOW_SERIES;
    const known = target.series.get(into.id);
    if (known === undefined) {
      target.series.set(into.id, { series: into, updatedMs: nowMs, startMs: nowMs, values: [...values] });
    } else {
      known.updatedMs = nowMs;
      for (const [index, value] of values.entries()) known.values[index] = (known.values[index] ?? 0) + value;
    }
    return admitted ? 0 : 1;
  }

  /** Answers how many points the cap moved. */
  #replace(
    data: MemoryProject,
    { family, points }: FamilyPoints<CurrentPoint>,
    into: StoredValue[],
    nowMs: number,
  ): number {
    const target = this.#family(data, family, nowMs);
    const admit = (series: Series): boolean => {
      const admitted = this.#admits(target, series);
      // Listed at once: the next point of this very batch must find one place less.
      if (admitted) list(target, series, nowMs);
      return admitted;
    };
    const { values, overflowed } = capCurrentPoints(family, points, nowMs, admit);
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

function list(target: MemoryFamily, series: Series, nowMs: number): { startMs: number; values: number[] } {
  let known = target.series.get(series.id);
  if (known === undefined) {
    known = { series, updatedMs: nowMs, startMs: Number.NEGATIVE_INFINITY, values: [] };
    target.series.set(series.id, known);
  }
  known.updatedMs = nowMs;
  return known;
}

/** A snapshot must not change while someone renders it. */
function copyOfFamily({ family, createdMs, series }: MemoryFamily): StoredFamily {
  return {
    family,
    createdMs,
    series: Array.from(series.values(), (one) => ({ ...one, values: one.values.slice() })),
  };
}
