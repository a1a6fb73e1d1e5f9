import { Pool, type PoolClient } from 'pg';

import type { Breaker } from '../resilience/breaker.js';
import { isBrokenConnection } from './database-errors.js';

/** How to reach a server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
}

export interface PoolLimits {
  /** Connections at most. */
  readonly maxOpen: number;
  /** Idle connections that are kept. */
  readonly maxIdle: number;
  readonly maxLifetimeSeconds: number;
}

export type Role = 'primary' | 'replica' | 'unknown';

/** What the last look at a server has shown. */
export interface ServerStatus {
  readonly up: boolean;
  readonly role: Role;
  /** Position in the write-ahead log up to which it has everything, in bytes. */
  readonly position: bigint;
  /** Grows with each promotion. */
  readonly timeline: number;
  /** How far a replica is behind; 0 for a primary. */
  readonly lagMs: number;
}

export const UNKNOWN: ServerStatus = { up: false, role: 'unknown', position: 0n, timeline: 0, lagMs: 0 };

/** One PostgreSQL server: its connections, its circuit breaker, and what is known of it. */
export class DatabaseServer {
  /** `database-1` for DB_HOST, `database-2` for DB_READ_HOST_1: roles change, names do not. */
  readonly name: string;
  readonly address: ServerAddress;
  /** Share of the reads while it is a replica. */
  readonly weight: number;
  readonly breaker: Breaker;
  status: ServerStatus = UNKNOWN;
  readonly #pool: Pool;
  readonly #maxIdle: number;

  constructor(name: string, address: ServerAddress, weight: number, limits: PoolLimits, breaker: Breaker) {
    this.name = name;
    this.address = address;
    this.weight = weight;
    this.breaker = breaker;
    this.#maxIdle = limits.maxIdle;
    this.#pool = new Pool({
      ...connection(address),
      max: limits.maxOpen,
      maxLifetimeSeconds: limits.maxLifetimeSeconds,
      idleTimeoutMillis: 60_000,
    });
    // A connection that breaks while it is idle is replaced when it is needed.
    this.#pool.on('error', () => undefined);
    // So is one that breaks between two statements of a transaction; the second statement fails. Unheard, it ends the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Connections by state, and requests that wait for one. */
  get connections(): { readonly idle: number; readonly used: number; readonly waiting: number } {
    const { idleCount, totalCount, waitingCount } = this.#pool;
    return { idle: idleCount, used: totalCount - idleCount, waiting: waitingCount };
  }

  /** Lends a connection. One that has failed is closed; one that would be an idle one too many too. */
  async use<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    return this.breaker.execute(async () => {
      const client = await this.#pool.connect();
      let failed = false;
      try {
        return await work(client);
      } catch (error) {
        failed = isBrokenConnection(error);
        throw error;
      } finally {
        client.release(failed || (this.#pool.waitingCount === 0 && this.#pool.idleCount >= this.#maxIdle));
      }
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** As pg wants it. */
export function connection(address: ServerAddress): Readonly<Record<string, string | number | boolean>> {
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    connectionTimeoutMillis: address.connectTimeoutMs,
    query_timeout: address.queryTimeoutMs,
    application_name: 'payflow',
    keepAlive: true,
    // Who waits for another transaction waits for less than that, so that a busy account does not look like a dead server.
    lock_timeout: Math.ceil(address.queryTimeoutMs * 0.6),
    // A client that vanished in the middle of a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 10_000,
  };
}
