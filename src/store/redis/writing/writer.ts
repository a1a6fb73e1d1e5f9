import type { DeltaBatch } from '../../../model/delta-batch.js';
import type { StoreContext } from '../../metric-store.js';
import type { BatchPart } from './batch-part.js';
import { runScript } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import { CurrentMirror } from './current-mirror.js';
import type { RedisKeys } from '../scripts/keys.js';
import { KnownSeries } from './known-series.js';
import { PartNumbering } from './part-numbering.js';
import { PartSender } from './part-sender.js';
import { END_LEASES } from '../scripts/end-leases.js';

/** The writing side of one instance: batches become parts, which are sent in order until Redis has all of them. */
export class RedisWriter {
  readonly #context: StoreContext;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #mirror: CurrentMirror;
  readonly #known: KnownSeries;
  readonly #numbering = new PartNumbering();
  readonly #sender: PartSender;
  #batch: DeltaBatch | undefined;
  /** Of the batch, what Redis has not confirmed yet. */
  #parts: BatchPart[] = [];

  constructor(context: StoreContext, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#mirror = new CurrentMirror(context.ttlMs / 4);
    this.#known = new KnownSeries(context.maxSeries);
    this.#sender = new PartSender(context, this.keyTtlMs, connection, keys, this.#known, this.#mirror);
  }

  /** Milliseconds for which keys outlive the last write: a project that nobody runs leaves nothing behind. */
  get keyTtlMs(): number {
    return this.#context.ttlMs + this.#context.leaseMs;
  }

  /** Resolves with the number of overflowed points. Rejects with an unknown outcome; then call it again with the same batch. */
  async apply(batch: DeltaBatch): Promise<number> {
    if (this.#batch !== batch) this.#begin(batch);
    if (this.#sender.giveUpWhenAway(this.#parts[0])) this.#parts.shift();
    let overflowedPoints = 0;
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      const { overflowed, refused, later } = await this.#sender.send(part);
      this.#parts.shift();
      this.#parts.push(...this.#numbering.number(later));
      overflowedPoints += overflowed + refused.length;
      if (refused.length === 0) continue;
      this.#mirror.overflow(refused);
      this.#parts.push(...this.#numbering.number(this.#mirror.change(batch)));
    }
    return overflowedPoints;
  }

  async endLease(): Promise<void> {
    await this.#connection.use((client) =>
      runScript(client, END_LEASES, {
        keys: this.#keys,
        leases: [this.#context.lease],
        when: 'now',
        keyTtlMs: this.keyTtlMs,
      }),
    );
  }

  #begin(batch: DeltaBatch): void {
    this.#known.addFamilies(batch.deltas.map(({ family }) => family));
    this.#parts = this.#numbering.split(batch, this.#mirror.change(batch));
    this.#batch = batch;
    this.#sender.resource = batch.resource;
  }
}
