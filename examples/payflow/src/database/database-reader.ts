import type { PoolClient } from 'pg';

import { WeightedRoundRobin } from '../balancer/weighted-round-robin.js';
import type { Retry } from '../resilience/retry.js';
import type { ConnectionManager } from './connection-manager.js';
import { isUnavailable, NoPrimaryError } from './database-errors.js';
import type { DatabaseServer } from './database-server.js';

/** What a read must see: everything up to a position of the log, or `primary` when that position is not known. */
export type ReadAfter = bigint | 'primary';

export interface ReaderOptions {
  readonly maxLagMs: number;
  readonly retry: Retry;
  /** The duration of each statement or group of statements, for metrics. */
  readonly observe: (operation: string, server: DatabaseServer, seconds: number, ok: boolean) => void;
  /** A read went to the primary because no replica could answer it. */
  readonly onFallback: () => void;
}

/** Reads: from the replicas in turn, by their weights; from the primary when no replica is there or far enough. */
export class DatabaseReader {
  readonly #manager: ConnectionManager;
  readonly #options: ReaderOptions;
  readonly #turns = new WeightedRoundRobin<DatabaseServer>((server) => server.weight);

  constructor(manager: ConnectionManager, options: ReaderOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  /**
   * @param operation a short name for metrics
   * @param after what the caller has written, so that it reads its own writes
   * @throws what `isUnavailable` knows when neither a replica nor the primary answers
   */
  async read<Result>(
    operation: string,
    after: ReadAfter,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<Result> {
    return this.#options.retry.whenUnavailable(async () => {
      try {
        return await this.#readOnce(operation, after, work);
      } catch (error) {
        if (isUnavailable(error)) void this.#manager.lookNow();
        throw error;
      }
    });
  }

  async #readOnce<Result>(
    operation: string,
    after: ReadAfter,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<Result> {
    const candidates = after === 'primary' ? [] : [...this.#healthyReplicas()];
    for (;;) {
      const replica = this.#turns.next(candidates);
      if (replica === undefined) break;
      candidates.splice(candidates.indexOf(replica), 1);
      const answer = await this.#tryReplica(operation, after as bigint, replica, work);
      if (answer !== undefined) return answer.result;
    }
    const { primary } = this.#manager;
    if (primary === undefined) throw new NoPrimaryError('no database server can answer this read');
    // No fallback: a read that is meant for the primary, and any read without replicas.
    if (after !== 'primary' && this.#manager.servers.length > 1) this.#options.onFallback();
    return this.#measure(operation, primary, work);
  }

  /** Undefined when the replica is down or has not replayed far enough: then another one is asked. */
  async #tryReplica<Result>(
    operation: string,
    after: bigint,
    replica: DatabaseServer,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<{ readonly result: Result } | undefined> {
    try {
      return await this.#measure(operation, replica, async (client) => {
        if (after > replica.status.position && (await replayed(client)) < after) return undefined;
        return { result: await work(client) };
      });
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      void this.#manager.lookNow();
      return undefined;
    }
  }

  #healthyReplicas(): DatabaseServer[] {
    return this.#manager.replicas.filter(
      ({ status, breaker }) => status.lagMs <= this.#options.maxLagMs && breaker.state !== 'open',
    );
  }

  async #measure<Result>(
    operation: string,
    server: DatabaseServer,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<Result> {
    const start = performance.now();
    let ok = false;
    try {
      const result = await server.use(work);
      ok = true;
      return result;
    } finally {
      this.#options.observe(operation, server, (performance.now() - start) / 1000, ok);
    }
  }
}

/** The server's own word, newer than that of the last look at it. */
async function replayed(client: PoolClient): Promise<bigint> {
  const { rows } = await client.query<{ position: string | null }>(
    `SELECT pg_last_wal_replay_lsn() - '0/0' AS position`,
  );
  return BigInt(rows[0]?.position ?? 0);
}
