import { createMemoryStore } from '../../src/store/memory/memory-store.js';
import type { ApplyResult, MetricStore } from '../../src/store/metric-store.js';
import type { DeltaBatch } from '../../src/model/delta-batch.js';
import type { Snapshot } from '../../src/model/snapshot.js';

/**
 * What becomes of one attempt: it succeeds; it fails before or after the store has added it (`refused`, `lostReply`); or it
 * takes as long as the test wants (`held`).
 */
export type Fate = 'applied' | 'refused' | 'lostReply' | 'held';

/** A store in memory that fails as told. What it holds is exact, whatever it answers. */
export class ScriptedStore implements MetricStore {
  readonly description = 'scripted';
  /** Of the next attempts; `otherwise` when there are none left. */
  readonly fates: Fate[] = [];
  otherwise: Fate = 'applied';
  /** What a failing attempt rejects with. */
  failure: unknown = new Error('the store is away.');
  /** Every batch that was handed over, in order. */
  readonly batches: DeltaBatch[] = [];
  /** Attempts that ran at the same time, at most. */
  mostAtOnce = 0;
  readonly calls: string[] = [];
  readonly #memory: MetricStore;
  #atOnce = 0;
  #release: () => void = () => undefined;
  #held = Promise.resolve();

  constructor(maxSeries = 100_000) {
    this.#memory = createMemoryStore({
      prefix: 'shop',
      project: 'shop',
      lease: 'lease',
      leaseMs: 600_000,
      ttlMs: 600_000,
      maxSeries,
      warn: () => undefined,
    });
  }

  /** Lets held attempts go on. */
  release(): void {
    this.#release();
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    this.batches.push(batch);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      const fate = this.fates.shift() ?? this.otherwise;
      if (fate === 'held') {
        this.#held = new Promise((resolve) => {
          this.#release = resolve;
        });
        await this.#held;
      }
      if (fate === 'refused') throw this.failure;
      const result = await this.#memory.apply(batch);
      if (fate === 'lostReply') throw this.failure;
      return result;
    } finally {
      this.#atOnce -= 1;
    }
  }

  snapshot(): Promise<Snapshot> {
    return this.#memory.snapshot();
  }

  acquireLock(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async endLease(): Promise<void> {
    this.calls.push('leave');
    await this.#memory.endLease();
  }

  async sweep(): Promise<void> {
    await this.#memory.sweep();
  }

  async wipe(): Promise<void> {
    await this.#memory.wipe();
  }

  async close(): Promise<void> {
    this.calls.push('close');
  }
}
