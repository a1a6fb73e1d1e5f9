import type { ConnectionManager } from '../database/connection-manager.js';
import type { Breaker } from './breaker.js';

/** Every way in which the service goes on when something is missing. */
export const FALLBACKS = {
  primary_read: 'a read was answered by the primary, because no replica could',
  cached_user: 'a user was answered from the cache, because no database could',
  cached_balance: 'a balance was answered from the cache, marked as stale, because no database could',
  cached_key: 'an API key was checked against the cache, because no database could',
  redis_replica: 'the cache was read from the replica of Redis',
  default_fraud_decision: 'a payment was decided by the default rule, because the fraud check did not answer',
  refused_write: 'a write was refused, because there is no primary',
  refused_extra: 'something that is not critical was refused in degraded mode',
} as const;

export type Fallback = keyof typeof FALLBACKS;

/** From best to worst. */
export const MODES = ['normal', 'degraded', 'read_only', 'down'] as const;
export type Mode = (typeof MODES)[number];

export interface FallbackManagerOptions {
  readonly connections: ConnectionManager;
  readonly maxLagMs: number;
  /** Of Redis and the fraud check: with one of them open the service is degraded. */
  readonly externals: readonly Breaker[];
  readonly onFallback: (fallback: Fallback) => void;
}

/** Knows what works at present, and counts what was answered another way. */
export class FallbackManager {
  readonly #options: FallbackManagerOptions;
  readonly #counts = new Map<Fallback, number>();

  constructor(options: FallbackManagerOptions) {
    this.#options = options;
  }

  record(fallback: Fallback): void {
    this.#counts.set(fallback, (this.#counts.get(fallback) ?? 0) + 1);
    this.#options.onFallback(fallback);
  }

  get counts(): Readonly<Partial<Record<Fallback, number>>> {
    return Object.fromEntries(this.#counts);
  }

  get mode(): Mode {
    const { connections, externals } = this.#options;
    if (connections.servers.every(({ status }) => !status.up)) return 'down';
    if (connections.primary === undefined) return 'read_only';
    if (!this.#hasReplicaForReads || externals.some(({ state }) => state === 'open')) return 'degraded';
    return 'normal';
  }

  /** Extras read much; without a replica they would read from the primary, which has enough to do. */
  get allowsExtras(): boolean {
    return this.#options.connections.primary !== undefined && this.#hasReplicaForReads;
  }

  get #hasReplicaForReads(): boolean {
    const { connections, maxLagMs } = this.#options;
    if (connections.servers.length === 1) return true;
    return connections.replicas.some(({ status }) => status.lagMs <= maxLagMs);
  }
}
