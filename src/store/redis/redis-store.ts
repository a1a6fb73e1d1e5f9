import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { ApplyResult, MetricStore, StoreContext } from '../metric-store.js';
import type { RedisTarget } from './connection/client.js';
import { RedisConnection } from './connection/connection.js';
import { Janitor } from './janitor.js';
import { RedisReader } from './reading/snapshot-reader.js';
import { redisKeys, type RedisKeys } from './scripts/keys.js';
import { LOCK } from './scripts/lock.js';
import { LateParts } from './writing/late-parts.js';
import { keyTtlMsOf, RedisWriter } from './writing/writer.js';

/** How long the janitor's lock lasts; the other instances do not sweep meanwhile. */
const JANITOR_MS = 30_000;

/**
 * A store in Redis 6.2 or later: standalone, Sentinel, Cluster, Valkey, Dragonfly. Writing and reading have a connection
 * each, so that a large scrape never delays a flush.
 *
 * @param timeoutMs how long any one step may take before its outcome counts as unknown
 */
export function createRedisStore(context: StoreContext, target: RedisTarget, timeoutMs: number): MetricStore {
  return new RedisStore(context, target, timeoutMs);
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
  /** Locks that this instance has, and how long each lasts when it is new. */
  readonly #locks = new Map<string, number>();
  /** The project is noted for discovery. */
  #listing: Promise<void> | undefined;

  constructor(context: StoreContext, target: RedisTarget, timeoutMs: number) {
    this.#context = context;
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#keys = redisKeys(context.prefix);
    this.#writing = new RedisConnection(target, timeoutMs);
    this.#reading = new RedisConnection(target, timeoutMs);
    this.description = this.#writing.description;
    const keyTtlMs = keyTtlMsOf(context);
    this.#late = new LateParts(this.#writing, this.#keys, keyTtlMs);
    this.#writer = new RedisWriter(context, this.#writing, this.#keys, this.#late);
    this.#reader = new RedisReader(context, this.#reading, this.#keys);
    this.#janitor = new Janitor(context, keyTtlMs, this.#reading, this.#keys);
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    const result = await this.#writer.apply(batch);
    // At once, and not with the first sweep: a job that runs for seconds never sweeps.
    this.#listing ??= this.#list();
    return result;
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

  async endLease(): Promise<void> {
    await this.#janitor.assertOwn();
    await this.#writer.endLease();
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
