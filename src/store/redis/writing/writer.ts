import type { DeltaBatch } from '../../../model/delta-batch.js';
import type { ApplyResult, StoreContext } from '../../metric-store.js';
import type { RedisConnection } from '../connection/connection.js';
import { END_LEASES } from '../scripts/end-leases.js';
import type { RedisKeys } from '../scripts/keys.js';
import { additionsOf, type BatchPart } from './batch-part.js';
import { CurrentMirror } from './current-mirror.js';
import { DroppedPoints } from './dropped-points.js';
import { KnownSeries } from './known-series.js';
import { PartMaker } from './part-maker.js';
import { PartSender } from './part-sender.js';

/** The writing side of one instance: batches become parts, which are sent in order until Redis has all of them. */
export class RedisWriter {
  readonly #context: StoreContext;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #mirror: CurrentMirror;
  readonly #known: KnownSeries;
  readonly #dropped: DroppedPoints;
  readonly #maker: PartMaker;
  readonly #sender: PartSender;
  #batch: DeltaBatch | undefined;
  /** Of the batch, what Redis has not confirmed yet. */
  #parts: BatchPart[] = [];
  /** What Redis lacks besides. */
  #later: BatchPart[] = [];
  /** Points of the batch that the cap moved. */
  #overflowed = 0;

  constructor(context: StoreContext, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#mirror = new CurrentMirror(context.ttlMs / 4);
    this.#known = new KnownSeries(context.maxSeries);
    this.#dropped = new DroppedPoints(context.warn);
    this.#maker = new PartMaker(this.#dropped);
    this.#sender = new PartSender({
      context,
      keyTtlMs: this.keyTtlMs,
      connection,
      keys,
      maker: this.#maker,
      known: this.#known,
      mirror: this.#mirror,
      dropped: this.#dropped,
    });
  }

  /** Milliseconds for which keys outlive the last write: a project that nobody runs leaves nothing behind. */
  get keyTtlMs(): number {
    return this.#context.ttlMs + this.#context.leaseMs;
  }

  /** Rejects with an unknown outcome; then call it again with the same batch. */
  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    if (this.#batch !== batch) this.#begin(batch);
    for (;;) {
      const queue = this.#parts.length > 0 ? this.#parts : this.#later;
      const [part] = queue;
      if (part === undefined) break;
      const sent = await this.#sender.send(part);
      queue.splice(0, 1, ...sent.instead);
      if (sent.later !== undefined) {
        // These have all current values; those of the parts that wait may be of before a wipe.
        this.#later = [...sent.later];
        this.#parts = this.#parts.map((waiting) => ({ ...waiting, sections: additionsOf(waiting) }));
      }
      this.#overflowed += sent.overflowed + sent.refused.length;
      if (sent.refused.length === 0) continue;
      this.#mirror.overflow(sent.refused);
      this.#parts.push(...this.#maker.parts(this.#mirror.change(batch)));
    }
    const dropped = this.#dropped.take();
    const overflowed = this.#overflowed;
    this.#overflowed = 0;
    return { overflowed, ...(dropped > 0 && { dropped }) };
  }

  async endLease(): Promise<void> {
    await this.#connection.run(END_LEASES, {
      keys: this.#keys,
      leases: [this.#context.lease],
      when: 'now',
      keyTtlMs: this.keyTtlMs,
    });
  }

  #begin(batch: DeltaBatch): void {
    this.#known.addFamilies(batch.deltas);
    // What was left of the batch before is not lost: a batch is given again until it is confirmed.
    this.#parts = this.#maker.parts([...batch.deltas, ...this.#mirror.change(batch)]);
    // A part without anything is a sign of life.
    if (this.#parts.length === 0) this.#parts = [EMPTY_PART()];
    this.#batch = batch;
    this.#sender.begin(batch);
  }
}

const EMPTY_PART = (): BatchPart => ({
  sections: [],
  size: { families: 0, points: 0, numbers: 0, bytes: 0 },
  position: undefined,
});
