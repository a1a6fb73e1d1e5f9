import { orchestratorError } from '../../errors.js';
import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { ApplyResult, MetricStore, StoreContext } from '../metric-store.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../snapshot/snapshot-builder.js';
import { SHOWN_AS_STORED } from '../../model/shown-as.js';
import { collectionAtMs } from '../state/batch-part.js';
import { foldExpired } from '../state/fold-expired.js';
import type { ProjectFamily } from '../state/project-family.js';
import { recordedSince } from '../state/recorded-since.js';
import { ProjectState } from '../state/project-state.js';

/**
 * The data of a memory store, apart from the store, so that several instances can share them within one process. `now` is
 * the store's clock in Unix milliseconds.
 */
export class MemoryBackend {
  readonly now: () => number;
  readonly #projects = new Map<string, ProjectState>();

  constructor(now: () => number = monotonicNow) {
    this.now = now;
  }

  state(prefix: string): ProjectState {
    let state = this.#projects.get(prefix);
    if (state === undefined) this.#projects.set(prefix, (state = new ProjectState()));
    return state;
  }

  /** Loses everything, as a cache server does that restarts empty. */
  clear(): void {
    this.#projects.clear();
  }
}

/** Unix milliseconds of a clock that nobody can set: leases must not end, or go on, because the wall clock was. */
function monotonicNow(): number {
  return performance.timeOrigin + performance.now();
}

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
  readonly #described = new WeakSet<ProjectFamily>();
  /** The last batch. Remembered here because the project forgets an instance when its lease is over. */
  #applied = { sequence: 0, overflowed: 0 };
  #closed = false;

  constructor(context: StoreContext, backend: MemoryBackend) {
    this.#context = context;
    this.#backend = backend;
    this.#builder = createSnapshotBuilder(context.ttlMs, context.shownAs);
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    const state = this.#state();
    const atMs = this.#backend.now();
    const { sequence, overflowed } = this.#applied;
    if (batch.sequence <= sequence) return { overflowed: batch.sequence === sequence ? overflowed : 0 };
    state.project = this.#context.project;
    const collectedAtMs = collectionAtMs(batch, atMs);
    const current = recordedSince(batch.current, collectedAtMs, state.wipedAtMs);
    for (const { family, points } of [...batch.deltas, ...current]) {
      const known = state.families.get(family.key);
      if (points.length > 0 && (known === undefined || !this.#described.has(known))) {
        this.#described.add(state.describe(family, atMs));
      }
    }
    const whole = { ...batch, current, collectedAtMs, part: 0, last: true };
    this.#applied = { sequence: batch.sequence, overflowed: state.apply(this.#context, whole, atMs) };
    return { overflowed: this.#applied.overflowed };
  }

  async snapshot(): Promise<Snapshot> {
    return this.#builder.build(this.#state().stored(this.#backend.now()));
  }

  async sweep(): Promise<void> {
    const { ttlMs, shownAs = SHOWN_AS_STORED } = this.#context;
    const state = this.#state();
    const atMs = this.#backend.now();
    const steps = await foldExpired(state.stored(atMs).families, shownAs, atMs - ttlMs);
    for (const step of steps) state.fold(step, atMs);
    state.sweep(ttlMs, atMs);
  }

  async acquireLock(name: string, ms: number): Promise<boolean> {
    const state = this.#state();
    const atMs = this.#backend.now();
    state.locks.acquire(this.#context.lease, name, ms, atMs);
    return state.locks.isHeldBy(this.#context.lease, name, atMs);
  }

  async endLease(other?: string): Promise<void> {
    this.#state().endLease(other ?? this.#context.lease);
  }

  async wipe(): Promise<void> {
    this.#state().wipe(this.#backend.now());
  }

  async forget(families: readonly string[]): Promise<void> {
    this.#state().forget(families);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #state(): ProjectState {
    if (this.#closed) throw orchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed', { kind: 'memory' });
    const { prefix, project } = this.#context;
    const state = this.#backend.state(prefix);
    state.assertOwner(prefix, project);
    return state;
  }
}
