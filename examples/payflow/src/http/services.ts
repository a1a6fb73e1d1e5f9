import type { LoadBalancer } from '../balancer/load-balancer.js';
import type { Cache } from '../cache/cache.js';
import type { Database } from '../database/database.js';
import type { Balances } from '../ledger/balances.js';
import type { Currency } from '../money/money.js';
import type { Payments } from '../payments/payments.js';
import type { WorkerPool } from '../payments/worker-pool.js';
import type { Breaker } from '../resilience/breaker.js';
import type { FallbackManager } from '../resilience/fallback-manager.js';
import type { ActiveUsers } from '../users/active-users.js';
import type { ApiKeys } from '../users/api-keys.js';
import type { UserDirectory } from '../users/user-directory.js';

/** What the routes call. */
export interface Services {
  readonly instance: string;
  /** Set when the process is about to end. */
  readonly lifecycle: { ending: boolean };
  readonly database: Database;
  readonly users: UserDirectory;
  readonly keys: ApiKeys;
  readonly activeUsers: ActiveUsers;
  readonly balances: Balances;
  readonly payments: Payments;
  readonly workers: WorkerPool;
  readonly cache: Cache;
  readonly balancer: LoadBalancer;
  readonly fallbacks: FallbackManager;
  readonly breakers: readonly Breaker[];
  readonly defaultCurrency: Currency;
  readonly onRequest: (method: string, route: string, status: number, seconds: number) => void;
}
