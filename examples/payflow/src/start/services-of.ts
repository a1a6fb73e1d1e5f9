import { hostname } from 'node:os';

import type { Settings } from '../config/settings.js';
import type { Services } from '../http/services.js';
import { Balances } from '../ledger/balances.js';
import type { Metrics } from '../metrics/metrics.js';
import { FraudCheck } from '../payments/fraud-check.js';
import { Payments } from '../payments/payments.js';
import { WorkerPool } from '../payments/worker-pool.js';
import { ActiveUsers } from '../users/active-users.js';
import { ApiKeys } from '../users/api-keys.js';
import { UserDirectory } from '../users/user-directory.js';
import type { Backends } from './open-backends.js';

/** A call of the fraud check holds a request up, so it is not repeated as often as a transaction. */
const MAX_FRAUD_RETRIES = 3;

/** What the routes call. */
export function servicesOf(settings: Settings, metrics: Metrics, backends: Backends): Services {
  const { database, cache, fallbacks, recentWrites, redis, balancer, breakers } = backends;
  const shared = { database, cache, fallbacks, recentWrites };
  const balances = new Balances({ ...shared, snapshotEvery: settings.snapshotEvery });
  return {
    instance: `${hostname()}:${process.pid}`,
    lifecycle: { ending: false },
    database,
    cache,
    fallbacks,
    balances,
    users: new UserDirectory({ ...shared, scryptCost: settings.scryptCost }),
    keys: new ApiKeys({ ...shared, ttlDays: settings.apiKeyTtl, scryptCost: settings.scryptCost }),
    activeUsers: new ActiveUsers(redis, settings.redisKeyPrefix),
    payments: paymentsOf(settings, metrics, backends, balances),
    workers: new WorkerPool(settings.workerPoolSize, settings.workerQueueLimit),
    balancer,
    breakers,
    defaultCurrency: settings.defaultCurrency,
    onRequest: (method, route, status, seconds) => {
      metrics.httpRequests.add(1, { method, route, status });
      metrics.httpDuration.record(seconds, { method, route });
    },
  };
}

function paymentsOf(
  settings: Settings,
  metrics: Metrics,
  { database, recentWrites, fallbacks, balancer, fraudBreaker }: Backends,
  balances: Balances,
): Payments {
  return new Payments({
    database,
    recentWrites,
    currencyOf: async (userId) => balances.currencyOf(userId),
    snapshotEvery: settings.snapshotEvery,
    maxAmount: settings.maxAmount,
    fraudCheck: new FraudCheck({
      balancer,
      breaker: fraudBreaker,
      timeoutMs: settings.fraudTimeout,
      retries: Math.min(settings.retryAttempts, MAX_FRAUD_RETRIES),
      retryBaseDelayMs: settings.retryBaseDelay,
      defaultLimit: settings.fraudDefaultLimit,
      onDefault: () => fallbacks.record('default_fraud_decision'),
    }),
    onProcessed: ({ type, amount, currency }, status) => {
      metrics.transactionsProcessed.add(1, { type, status });
      if (status === 'completed') metrics.transactionsAmount.add(Number(amount), { type, currency });
    },
    onReplayed: () => metrics.idempotentReplays.add(1),
  });
}
