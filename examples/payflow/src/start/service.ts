import { hostname } from 'node:os';

import { metrics as otelMetrics } from '@opentelemetry/api';

import { LoadBalancer } from '../balancer/load-balancer.js';
import { Cache } from '../cache/cache.js';
import type { Settings } from '../config/settings.js';
import { RecentWrites } from '../database/recent-writes.js';
import { createApp, type App } from '../http/app.js';
import type { Services } from '../http/services.js';
import { Balances } from '../ledger/balances.js';
import { OutboxRelay } from '../ledger/outbox-relay.js';
import { createMetrics, type Metrics } from '../metrics/metrics.js';
import { observe } from '../metrics/observables.js';
import { FraudCheck } from '../payments/fraud-check.js';
import { Payments } from '../payments/payments.js';
import { WorkerPool } from '../payments/worker-pool.js';
import { Breaker, type BreakerState } from '../resilience/breaker.js';
import { FallbackManager, type Fallback } from '../resilience/fallback-manager.js';
import { ActiveUsers } from '../users/active-users.js';
import { ApiKeys } from '../users/api-keys.js';
import { UserDirectory } from '../users/user-directory.js';
import { BackgroundWork } from './background-work.js';
import { openDatabase } from './open-database.js';
import { openRedis } from './open-redis.js';

/** A call of the fraud check holds a request up, so it is not repeated as often as a transaction. */
const MAX_FRAUD_RETRIES = 3;

/** One instance of PayFlow. */
export interface Service {
  readonly app: App;
  readonly services: Services;
  readonly background: BackgroundWork;
  readonly relay: OutboxRelay;
  /** Starts to look after the servers, listens, and starts the work in the background. Answers the port. */
  readonly start: () => Promise<number>;
  /** Ends the requests that are under way, then everything else. */
  readonly close: () => Promise<void>;
}

/** The composition root: everything else gets its parts as arguments. Opens connections, but waits for none. */
export async function createService(settings: Settings): Promise<Service> {
  const meter = otelMetrics.getMeter('payflow');
  const metrics = createMetrics(meter);
  const log: { app?: App } = {};
  const onBreaker = (name: string, state: BreakerState): void => {
    metrics.breakerTransitions.add(1, { breaker: name, state });
    log.app?.log.warn({ breaker: name, state }, 'a circuit breaker changed');
  };
  let onFallback: (fallback: Fallback) => void = () => undefined;
  const database = openDatabase(settings, metrics, {
    onBreaker,
    onFallback: (fallback) => onFallback(fallback),
    onServer: ({ name, status }) => {
      metrics.serverChanges.add(1, { server: name, role: status.up ? status.role : 'down' });
      log.app?.log.warn({ server: name, up: status.up, role: status.role }, 'a database server changed');
    },
  });
  const { redis, breaker: redisBreaker } = openRedis(settings, onBreaker, () => onFallback('redis_replica'));
  const { balancer, breaker: fraudBreaker } = fraudTargets(settings, onBreaker);
  const breakers = [redisBreaker, fraudBreaker];
  const fallbacks = new FallbackManager({
    connections: database.manager,
    maxLagMs: settings.dbMaxReplicaLag,
    externals: breakers,
    onFallback: (fallback) => metrics.fallbacks.add(1, { fallback }),
  });
  onFallback = (fallback) => fallbacks.record(fallback);
  const cache = new Cache(redis, {
    keyPrefix: settings.redisKeyPrefix,
    ttlSeconds: settings.cacheTtl,
    onHit: (name) => metrics.cacheHits.add(1, { cache: name }),
    onMiss: (name) => metrics.cacheMisses.add(1, { cache: name }),
  });
  const shared = {
    database,
    cache,
    fallbacks,
    recentWrites: new RecentWrites(redis, settings.redisKeyPrefix),
  };
  const balances = new Balances({ ...shared, snapshotEvery: settings.snapshotEvery });
  const services: Services = {
    instance: `${hostname()}:${process.pid}`,
    lifecycle: { ending: false },
    ...shared,
    balances,
    users: new UserDirectory({ ...shared, scryptCost: settings.scryptCost }),
    keys: new ApiKeys({ ...shared, ttlDays: settings.apiKeyTtl, scryptCost: settings.scryptCost }),
    activeUsers: new ActiveUsers(redis, settings.redisKeyPrefix),
    payments: paymentsOf(settings, metrics, shared, balances, balancer, fraudBreaker),
    workers: new WorkerPool(settings.workerPoolSize, settings.workerQueueLimit),
    balancer,
    breakers,
    defaultCurrency: settings.defaultCurrency,
    onRequest: (method, route, status, seconds) => {
      metrics.httpRequests.add(1, { method, route, status });
      metrics.httpDuration.record(seconds, { method, route });
    },
  };
  observe(meter, services);
  const app = await createApp({ services, logLevel: settings.logLevel });
  log.app = app;
  const relay = new OutboxRelay({
    database,
    redis,
    keyPrefix: settings.redisKeyPrefix,
    intervalMs: settings.outboxInterval,
    onPublished: (count) => metrics.outboxPublished.add(count),
  });
  const background = new BackgroundWork({
    database,
    relay,
    activeUsers: services.activeUsers,
    metrics,
    ledgerCheckIntervalMs: settings.ledgerCheckInterval * 1000,
    idempotencyTtlHours: settings.idempotencyTtl,
    onError: (job, error) => app.log.warn({ job, err: error }, 'work in the background failed'),
  });
  return {
    app,
    services,
    background,
    relay,
    start: async () => {
      await Promise.all([database.manager.start(), balancer.start()]);
      await app.listen({ host: settings.host, port: settings.port });
      background.start();
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : settings.port;
    },
    close: async () => {
      await app.close();
      balancer.close();
      await background.close();
      await database.manager.close();
      redis.close();
    },
  };
}

function fraudTargets(
  settings: Settings,
  onBreaker: (name: string, state: BreakerState) => void,
): { readonly balancer: LoadBalancer; readonly breaker: Breaker } {
  const balancer = new LoadBalancer({
    targets: settings.fraudUrls,
    enabled: settings.lbEnabled,
    algorithm: settings.lbAlgorithm,
    healthCheckPath: settings.lbHealthCheckPath,
    healthCheckIntervalMs: settings.lbHealthCheckInterval * 1000,
  });
  const breaker = new Breaker('fraud-check', {
    failures: settings.cbExternalFailures,
    resetMs: settings.cbExternalReset,
    counts: () => true,
    onChange: (state) => onBreaker('fraud-check', state),
  });
  return { balancer, breaker };
}

function paymentsOf(
  settings: Settings,
  metrics: Metrics,
  {
    database,
    recentWrites,
    fallbacks,
  }: Pick<Services, 'database' | 'fallbacks'> & { readonly recentWrites: RecentWrites },
  balances: Balances,
  balancer: LoadBalancer,
  breaker: Breaker,
): Payments {
  return new Payments({
    database,
    recentWrites,
    currencyOf: async (userId) => balances.currencyOf(userId),
    snapshotEvery: settings.snapshotEvery,
    maxAmount: settings.maxAmount,
    fraudCheck: new FraudCheck({
      balancer,
      breaker,
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
