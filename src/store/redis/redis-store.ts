import { OrchestratorError } from '../../errors.js';
import type { ApplyResult, MetricStore, StoreContext } from '../metric-store.js';
import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import { assertOwnProject } from '../project-errors.js';
import type { RedisTarget } from './connection/client.js';
import { RedisConnection } from './connection/connection.js';
import { PROJECTS_KEY, redisKeys, type RedisKeys } from './scripts/keys.js';
import { RedisReader } from './reading/snapshot-reader.js';
import { pipeline, strings } from './connection/commands.js';
import { END_LEASES } from './scripts/end-leases.js';
import { LOCK } from './scripts/lock.js';
import { SWEEP } from './scripts/sweep.js';
import { RedisWriter } from './writing/writer.js';

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
  /** Locks that this instance has. */
  readonly #held = new Set<string>();
  #listed = true;

  constructor(context: StoreContext, target: RedisTarget, timeoutMs: number) {
    this.#context = context;
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#keys = redisKeys(context.prefix);
    this.#writing = new RedisConnection(target, timeoutMs);
    this.#reading = new RedisConnection(target, timeoutMs);
    this.description = this.#writing.description;
    this.#writer = new RedisWriter(context, this.#writing, this.#keys);
    this.#reader = new RedisReader(context, this.#reading, this.#keys);
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    return this.#writer.apply(batch);
  }

  snapshot(): Promise<Snapshot> {
    return this.#reader.snapshot();
  }

  async acquireLock(name: string, ms: number): Promise<boolean> {
    await this.#assertOwn();
    const mine = await this.#lock(name, ms);
    if (mine) this.#held.add(name);
    else this.#held.delete(name);
    return mine;
  }

  async endLease(): Promise<void> {
    await this.#assertOwn();
    await this.#writer.endLease();
    // The next instance need not wait for the locks of this one.
    await Promise.all(Array.from(this.#held, (name) => this.#lock(name, 1)));
    this.#held.clear();
  }

  async sweep(): Promise<void> {
    const { ttlMs } = this.#context;
    const keys = this.#keys;
    if (!(await this.acquireLock('janitor', Math.min(JANITOR_MS, Math.ceil(ttlMs / 4))))) return;
    const { leases, families } = await this.#contents();
    await this.#list();
    if (leases.length > 0) {
      const { keyTtlMs } = this.#writer;
      await this.#reading.run(END_LEASES, { keys, leases, when: 'if ended', keyTtlMs });
    }
    for (const family of families) {
      let cursor = '0';
      do {
        ({ cursor } = await this.#reading.run(SWEEP, { keys, family, cursor, ttlMs }));
      } while (cursor !== '0');
    }
  }

  async wipe(): Promise<void> {
    const keys = this.#keys;
    const { leases, families } = await this.#contents();
    const doomed = [keys.project, keys.families, keys.instances];
    for (const name of this.#held) doomed.push(keys.lock(name));
    for (const lease of leases) doomed.push(keys.instance(lease));
    for (const family of families) doomed.push(keys.values(family), keys.labels(family));
    await this.#reading.use((client) => client.unlink(...doomed));
  }

  close(): Promise<void> {
    this.#writing.close();
    this.#reading.close();
    return Promise.resolve();
  }

  #lock(name: string, ms: number): Promise<boolean> {
    return this.#reading.run(LOCK, { key: this.#keys.lock(name), lease: this.#context.lease, ms });
  }

  async #assertOwn(): Promise<void> {
    const names = await this.#reading.use((client) => client.hmget(this.#keys.project, 'schema', 'name'));
    assertOwnProject(this.#context, names[0] ?? undefined, names[1] ?? undefined);
  }

  /** Leases and family keys of the project. Throws if the data belong to another project. */
  async #contents(): Promise<{ readonly leases: readonly string[]; readonly families: readonly string[] }> {
    const { project, instances, families } = this.#keys;
    const replies = await this.#reading.use((client) =>
      pipeline(client, [
        ['HMGET', project, 'schema', 'name'],
        ['ZRANGE', instances, '0', '-1'],
        ['HKEYS', families],
      ]),
    );
    const [names = [], leases = [], keys = []] = replies.map((reply) => strings(reply));
    assertOwnProject(this.#context, names[0], names[1]);
    return { leases, families: keys };
  }

  /**
   * Discovery of projects; optional, because an ACL may forbid it. On a connection of its own: a cluster keeps that key on
   * another node.
   */
  async #list(): Promise<void> {
    if (!this.#listed) return;
    const now = Date.now();
    const oldest = now - this.#writer.keyTtlMs;
    const connection = new RedisConnection(this.#target, this.#timeoutMs);
    try {
      await connection.use(async (client) => {
        await client.zadd(PROJECTS_KEY, now, this.#context.prefix);
        await client.zremrangebyscore(PROJECTS_KEY, 0, oldest);
        await client.pexpire(PROJECTS_KEY, this.#writer.keyTtlMs);
      });
    } catch (error) {
      if (error instanceof OrchestratorError && error.code === 'ORCHESTRATOR_STORE_REFUSED')
        this.#listed = false;
    } finally {
      connection.close();
    }
  }
}
