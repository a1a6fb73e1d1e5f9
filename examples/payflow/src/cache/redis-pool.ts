import { Cluster, Redis } from 'ioredis';

import type { Breaker } from '../resilience/breaker.js';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

export interface RedisPoolOptions extends RedisAddress {
  readonly cluster: boolean;
  /** Read while the primary does not answer. */
  readonly readReplica?: RedisAddress;
  /** Connections at most. */
  readonly size: number;
  /** Connections that are opened at once. */
  readonly minIdle: number;
  readonly timeoutMs: number;
  readonly breaker: Breaker;
  readonly onReplicaRead: () => void;
}

export type Connection = Redis | Cluster;

interface Slot {
  readonly connection: Connection;
  busy: number;
}

/**
 * Connections to Redis, used in turn. Commands are never queued for a Redis that is away: the cache is there to save time, and
 * whoever asks has another source.
 */
export class RedisPool {
  readonly #options: RedisPoolOptions;
  readonly #slots: Slot[] = [];
  #replica: Redis | undefined;
  #turn = 0;

  constructor(options: RedisPoolOptions) {
    this.#options = options;
    for (let n = 0; n < options.minIdle; n++) this.#open();
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#slots.length;
  }

  /** Sends commands over one connection. Rejects at once while the circuit breaker is open. */
  async use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const slot = this.#next();
    slot.busy++;
    try {
      return await this.#options.breaker.execute(async () => work(slot.connection));
    } finally {
      slot.busy--;
    }
  }

  /** As `use`, for commands that only read: the replica answers when the primary does not. */
  async read<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    try {
      return await this.use(work);
    } catch (error) {
      const { readReplica } = this.#options;
      if (readReplica === undefined) throw error;
      this.#replica ??= this.#connect(readReplica);
      const result = await work(this.#replica);
      this.#options.onReplicaRead();
      return result;
    }
  }

  /** Connections to all nodes that hold keys: one, unless Redis is a cluster. */
  async masters(): Promise<readonly Redis[]> {
    const { connection } = this.#next();
    if (!(connection instanceof Cluster)) return [connection];
    if (connection.status !== 'ready') await this.use(async (cluster) => cluster.ping());
    return connection.nodes('master');
  }

  close(): void {
    for (const { connection } of this.#slots) connection.disconnect();
    this.#replica?.disconnect();
  }

  /** An idle connection, else a new one, else that whose turn it is. */
  #next(): Slot {
    const { length } = this.#slots;
    for (let n = 0; n < length; n++) {
      const slot = this.#slots[(this.#turn + n) % length];
      if (slot?.busy === 0) {
        this.#turn = (this.#turn + n + 1) % length;
        return slot;
      }
    }
    if (length < this.#options.size) return this.#open();
    this.#turn = (this.#turn + 1) % length;
    return this.#slots[this.#turn] as Slot;
  }

  #open(): Slot {
    const { cluster, host, port, password } = this.#options;
    const connection = cluster ? this.#connectCluster() : this.#connect({ host, port, password });
    const slot = { connection, busy: 0 };
    this.#slots.push(slot);
    return slot;
  }

  #connect({ host, port, password }: RedisAddress): Redis {
    const redis = new Redis({ host, port, ...this.#commonOptions(password) });
    redis.on('error', () => undefined);
    return redis;
  }

  #connectCluster(): Cluster {
    const { host, port, password, timeoutMs } = this.#options;
    const cluster = new Cluster([{ host, port }], {
      redisOptions: this.#commonOptions(password),
      slotsRefreshTimeout: timeoutMs * 4,
      clusterRetryStrategy: (times) => Math.min(100 * times, 1000),
    });
    cluster.on('error', () => undefined);
    return cluster;
  }

  #commonOptions(password: string): {
    readonly password?: string;
    readonly commandTimeout: number;
    readonly connectTimeout: number;
    readonly maxRetriesPerRequest: number;
    readonly retryStrategy: (times: number) => number;
  } {
    const { timeoutMs } = this.#options;
    return {
      ...(password !== '' && { password }),
      commandTimeout: timeoutMs,
      connectTimeout: timeoutMs * 4,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(50 * times, 500),
    };
  }
}
