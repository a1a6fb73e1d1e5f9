import type { DeltaBatch } from '../../../model/delta-batch.js';
import type { ApplyResult, StoreContext } from '../../metric-store.js';
import type { RedisConnection } from '../connection/connection.js';
import { isSlotMoving } from '../connection/redirection.js';
import { END_LEASES } from '../scripts/end-leases.js';
import type { LastParts } from './last-parts.js';
import type { RedisKeys } from '../scripts/keys.js';
import { additionsOf, type BatchPart, positionOf } from './batch-part.js';
import { CurrentMirror } from './current-mirror.js';
import type { DroppedPoints } from './dropped-points.js';
import { lastPartsOf } from './last-sections.js';
import { KnownSeries } from './known-series.js';
import type { LateParts } from './late-parts.js';
import { PartMaker } from './part-maker.js';
import { PartSender } from './part-sender.js';
import { boundResource } from './part-size.js';

/** What is left during one move, in numbers: about 8 MB at the most. More waits in memory until it is over. */
const MAX_LEFT_NUMBERS = 500_000;

/** Milliseconds for which keys outlive the last write: a project that nobody runs leaves nothing behind. */
export function keyTtlMsOf({ ttlMs, leaseMs }: StoreContext): number {
  return ttlMs + leaseMs;
}

/** What the writer works with. */
export interface WriterParts {
  readonly context: StoreContext;
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly late: LateParts;
  readonly dropped: DroppedPoints;
}

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
  readonly #late: LateParts;
  #batch: DeltaBatch | undefined;
  /** Of the batch, what Redis has not confirmed yet. */
  #parts: BatchPart[] = [];
  /** Of this batch and of earlier ones, what was left in Redis without being applied. */
  #left: BatchPart[] = [];
  /** What Redis lacks besides. */
  #later: BatchPart[] = [];
  /** Points of the batch that the cap moved. */
  #overflowed = 0;
  /** Batches that were not begun, and of which parts were handed on already. */
  readonly #prepared = new Map<DeltaBatch, BatchPart[]>();

  constructor({ context, connection, keys, late, dropped }: WriterParts) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#late = late;
    this.#dropped = dropped;
    this.#mirror = new CurrentMirror(context.ttlMs / 4);
    this.#known = new KnownSeries(context.maxSeries);
    this.#maker = new PartMaker(this.#dropped);
    this.#sender = new PartSender({
      context,
      keyTtlMs: keyTtlMsOf(context),
      connection,
      keys,
      maker: this.#maker,
      known: this.#known,
      mirror: this.#mirror,
      dropped: this.#dropped,
    });
  }

  /**
   * Rejects with an unknown outcome; then call it again with the same batch. While the slot of a cluster is being moved it
   * resolves when the batch is in Redis, though not applied yet.
   */
  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    if (this.#batch !== batch) this.#begin(batch);
    try {
      await this.#sendAll(batch);
    } catch (error) {
      if (!isSlotMoving(error) || this.#leftNumbers() > MAX_LEFT_NUMBERS) throw error;
      await this.#leaveAll();
    }
    const dropped = this.#dropped.take();
    const overflowed = this.#overflowed;
    this.#overflowed = 0;
    return { overflowed, ...(dropped > 0 && { dropped }) };
  }

  /**
   * For the end of the process: what Redis may lack of these batches, the first of which may be under way. Called again with them,
   * `apply` sends the very same parts.
   */
  last(batches: readonly DeltaBatch[]): LastParts {
    const parts: BatchPart[] = [];
    for (const batch of batches) {
      if (batch === this.#batch) {
        const own = [...this.#left, ...this.#parts, ...this.#later];
        this.#sender.number(own);
        parts.push(...own);
      } else parts.push(...this.#prepare(batch));
    }
    const { resource = [] } = batches.at(-1) ?? {};
    return lastPartsOf(parts, this.#sender.standing, {
      context: this.#context,
      keyTtlMs: keyTtlMsOf(this.#context),
      resource: boundResource(resource),
    });
  }

  /** @param lease of whom; default: of this instance */
  async endLease(lease: string = this.#context.lease): Promise<void> {
    try {
      await this.#connection.run(END_LEASES, {
        keys: this.#keys,
        leases: [lease],
        when: 'now',
        keyTtlMs: keyTtlMsOf(this.#context),
      });
    } catch (error) {
      // It ends by itself.
      if (!isSlotMoving(error)) throw error;
    }
  }

  async #sendAll(batch: DeltaBatch): Promise<void> {
    for (;;) {
      const queue = [this.#left, this.#parts, this.#later].find(({ length }) => length > 0) ?? [];
      const [part] = queue;
      if (part === undefined) return;
      const sent = await this.#sender.send(part);
      queue.splice(0, 1, ...sent.instead);
      const moved = queue === this.#left && queue.length === 0;
      if (sent.later !== undefined) {
        // These have all current values; those of the parts that wait may be of before a wipe.
        this.#later = [...sent.later];
        this.#left = this.#left.map(additionsAlone);
        this.#parts = this.#parts.map(additionsAlone);
      }
      if (moved) await this.#afterMove();
      this.#overflowed += sent.overflowed + sent.refused.length;
      if (sent.refused.length === 0) continue;
      this.#mirror.overflow(sent.refused);
      this.#parts.push(...this.#maker.parts(this.#mirror.change(batch)));
    }
  }

  /** The slot is in one place again. */
  async #afterMove(): Promise<void> {
    // Another instance may have applied what was left, without this one's current values.
    this.#later = this.#maker.parts(this.#mirror.all());
    // Of instances that have ended meanwhile. If it fails, a sweep does it.
    await this.#late.apply().catch(() => undefined);
  }

  /** Leaves the batch where another instance finds it. This one sends it all the same, before any other. */
  async #leaveAll(): Promise<void> {
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      await this.#late.leave(this.#sender.lateCall(part));
      this.#parts.shift();
      this.#left.push(part);
    }
  }

  #leftNumbers(): number {
    return this.#left.reduce((sum, { size }) => sum + size.numbers + size.points, 0);
  }

  #begin(batch: DeltaBatch): void {
    const prepared = this.#prepared.get(batch);
    this.#prepared.clear();
    // What was left of the batch before is not lost: a batch is given again until it is confirmed.
    this.#parts = prepared ?? this.#partsOf(batch);
    this.#batch = batch;
    this.#sender.begin(batch, prepared?.length);
  }

  #prepare(batch: DeltaBatch): BatchPart[] {
    let parts = this.#prepared.get(batch);
    if (parts !== undefined) return parts;
    parts = this.#partsOf(batch);
    for (const [index, part] of parts.entries()) part.position = positionOf(batch.sequence, index);
    this.#prepared.set(batch, parts);
    return parts;
  }

  #partsOf(batch: DeltaBatch): BatchPart[] {
    this.#known.addFamilies(batch.deltas);
    const parts = this.#maker.parts([...batch.deltas, ...this.#mirror.change(batch)]);
    // A part without anything is a sign of life.
    return parts.length === 0 ? [EMPTY_PART()] : parts;
  }
}

function additionsAlone(part: BatchPart): BatchPart {
  return { ...part, sections: additionsOf(part) };
}

const EMPTY_PART = (): BatchPart => ({
  sections: [],
  size: { families: 0, points: 0, numbers: 0, bytes: 0 },
  position: undefined,
});
