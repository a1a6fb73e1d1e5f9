import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import { orchestratorError, reason } from '../../errors.js';
import type { ApplyResult, LastBatches, MetricStore, StoreContext } from '../metric-store.js';
import type { RedisTarget } from './connection/client.js';
import { RedisConnection } from './connection/connection.js';
import { sendInThread } from './ending/ending-thread.js';
import type { LastParts } from './writing/last-parts.js';
import { Spool } from './ending/spool.js';
import { SpoolSender } from './ending/spool-sender.js';
import { Janitor } from './janitor.js';
import { RedisReader } from './reading/snapshot-reader.js';
import { redisKeys, type RedisKeys } from './scripts/keys.js';
import { LOCK } from './scripts/lock.js';
import { UnreadableEntries } from '../unreadable-entries.js';
import { DroppedPoints } from './writing/dropped-points.js';
import { LateParts } from './writing/late-parts.js';
import { keyTtlMsOf, RedisWriter } from './writing/writer.js';

/** How long the janitor's lock lasts; the other instances do not sweep meanwhile. */
const JANITOR_MS = 30_000;

/**
 * A store in Redis 6.2 or later: standalone, Sentinel, Cluster, Valkey, Dragonfly. Writing and reading have a connection
 * each, so that a large scrape never delays a flush.
 *
 * @param timeoutMs how long any one step may take before its outcome counts as unknown
 * @param directory of this host, for what cannot be sent before the end of the process. Default: that of the local store
 */
export function createRedisStore(
  context: StoreContext,
  target: RedisTarget,
  timeoutMs: number,
  directory?: string,
): MetricStore {
  return new RedisStore(context, target, timeoutMs, directory);
}

class RedisStore implements MetricStore {
  readonly description: string;
  readonly #context: StoreContext;
  readonly #target: RedisTarget;
  readonly #timeoutMs: number;
  readonly #keys: RedisKeys;
  readonly #writing: RedisConnection;
  readonly #reading: RedisConnection;
  readonly #writer: RedisWriter;
  readonly #reader: RedisReader;
  readonly #janitor: Janitor;
  readonly #late: LateParts;
  readonly #spool: Spool;
  readonly #spoolSender: SpoolSender;
  /** Locks that this instance has, and how long each lasts when it is new. */
  readonly #locks = new Map<string, number>();
  /** The project is noted for discovery. */
  #listing: Promise<void> | undefined;

  constructor(context: StoreContext, target: RedisTarget, timeoutMs: number, directory: string | undefined) {
    this.#context = context;
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#keys = redisKeys(context.prefix);
    this.#writing = new RedisConnection(target, timeoutMs);
    this.#reading = new RedisConnection(target, timeoutMs);
    this.description = this.#writing.description;
    const keyTtlMs = keyTtlMsOf(context);
    this.#late = new LateParts(this.#writing, this.#keys, keyTtlMs, new UnreadableEntries(context.warn));
    const dropped = new DroppedPoints(context.warn);
    const parts = { connection: this.#writing, keys: this.#keys, dropped };
    this.#writer = new RedisWriter({ ...parts, context, late: this.#late });
    const store = `${this.description} ${target.db ?? 0}`;
    this.#spool = new Spool({ directory, prefix: context.prefix, store });
    const { lease, warn } = context;
    this.#spoolSender = new SpoolSender({ ...parts, spool: this.#spool, lease, warn });
    this.#reader = new RedisReader(context, this.#reading, this.#keys);
    this.#janitor = new Janitor(context, keyTtlMs, this.#reading, this.#keys);
  }

  get unreadable(): number {
    return this.#reader.unreadable + this.#late.unreadable;
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    const result = await this.#writer.apply(batch);
    // At once, and not with the first sweep: a job that runs for seconds never sweeps.
    this.#listing ??= this.#list();
    await this.#spoolSender.send();
    return result;
  }

  finish({ batches, waitMs, isWorthWaiting }: LastBatches): 'stored' | 'kept' {
    if (!isWorthWaiting) return 'stored';
    const last = this.#writer.last(batches);
    if (last.parts.length === 0) return 'stored';
    const { outcome, why } = this.#sendNow(last, waitMs);
    if (outcome === 'sent') return 'stored';
    const values = { store: this.description };
    if (outcome === 'refused')
      throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'redis', { ...values, error: why });
    try {
      // After as long Redis need not know any more which of these parts it has.
      this.#spool.write(last, last.keyTtlMs / 2);
      return 'kept';
    } catch (error) {
      const both = `${why} ${reason(error)}`.trim();
      throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'redis', { ...values, error: both });
    }
  }

  snapshot(): Promise<Snapshot> {
    return this.#reader.snapshot();
  }

  async acquireLock(name: string, ms: number): Promise<boolean> {
    await this.#janitor.assertOwn();
    const isMine = await this.#lock(name, ms, ms);
    if (isMine) this.#locks.set(name, ms);
    else this.#locks.delete(name);
    return isMine;
  }

  async endLease(other?: string): Promise<void> {
    await this.#janitor.assertOwn();
    await this.#writer.endLease(other);
    if (other !== undefined) return;
    await this.#listing;
    // The next instance need not wait for the locks of this one.
    await Promise.all(Array.from(this.#locks, ([name, fullMs]) => this.#lock(name, 1, fullMs)));
    this.#locks.clear();
  }

  async sweep(): Promise<void> {
    const lockMs = Math.min(JANITOR_MS, Math.ceil(this.#context.ttlMs / 4));
    if (!(await this.acquireLock('janitor', lockMs))) return;
    await this.#list();
    await this.#late.apply();
    await this.#janitor.sweep();
  }

  wipe(): Promise<void> {
    return this.#janitor.wipe(this.#locks.keys());
  }

  forget(families: readonly string[]): Promise<void> {
    return this.#janitor.forget(families);
  }

  close(): Promise<void> {
    this.#writing.close();
    this.#reading.close();
    return Promise.resolve();
  }

  #sendNow(last: LastParts, waitMs: number): ReturnType<typeof sendInThread> {
    if (waitMs <= 0) return { outcome: 'late', why: '' };
    const known = this.#writing.node;
    return sendInThread({ target: this.#target, known, last, locks: [...this.#locks] }, waitMs);
  }

  /** By a connection of its own: a cluster keeps the list on another node, and scrapes must not wait for a write. */
  async #list(): Promise<void> {
    const connection = new RedisConnection(this.#target, this.#timeoutMs);
    try {
      await this.#janitor.list(connection);
    } finally {
      connection.close();
    }
  }

  #lock(name: string, ms: number, fullMs: number): Promise<boolean> {
    const { lease } = this.#context;
    return this.#reading.run(LOCK, { key: this.#keys.lock(name), lease, ms, fullMs });
  }
}
