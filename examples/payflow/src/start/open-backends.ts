import { LoadBalancer } from '../balancer/load-balancer.js';
import { Cache } from '../cache/cache.js';
import type { RedisPool } from '../cache/redis-pool.js';
import type { Settings } from '../config/settings.js';
import type { Database } from '../database/database.js';
import { RecentWrites } from '../database/recent-writes.js';
import type { Metrics } from '../metrics/metrics.js';
import { Breaker, type BreakerState } from '../resilience/breaker.js';
import { FallbackManager, type Fallback } from '../resilience/fallback-manager.js';
import { openDatabase } from './open-database.js';
import { openRedis } from './open-redis.js';

/** What the service stands on: other servers, and what is known of them. */
export interface Backends {
  readonly database: Database;
  readonly redis: RedisPool;
  readonly cache: Cache;
  readonly recentWrites: RecentWrites;
  readonly balancer: LoadBalancer;
  readonly fraudBreaker: Breaker;
  /** Of Redis and the fraud check; those of the databases are at their servers. */
  readonly breakers: readonly Breaker[];
  readonly fallbacks: FallbackManager;
}

/** Logs what changed. */
export type LogChange = (message: string, details: Readonly<Record<string, unknown>>) => void;

/** Opens connections, but waits for none. */
export function openBackends(settings: Settings, metrics: Metrics, logChange: LogChange): Backends {
  const onBreaker = (name: string, state: BreakerState): void => {
    metrics.breakerTransitions.add(1, { breaker: name, state });
    logChange('a circuit breaker changed', { breaker: name, state });
  };
  // Servers tell the manager of fallbacks what happens, and it asks them how they are.
  let fallbacks: FallbackManager | undefined;
  const onFallback = (fallback: Fallback): void => fallbacks?.record(fallback);
  const database = openDatabase(settings, metrics, {
    onBreaker,
    onFallback,
    onServer: ({ name, status: { up, role } }) => {
      metrics.serverChanges.add(1, { server: name, role: up ? role : 'down' });
      logChange('a database server changed', { server: name, up, role });
    },
  });
  const { redis, breaker: redisBreaker } = openRedis(settings, onBreaker, () => onFallback('redis_replica'));
  const { balancer, breaker: fraudBreaker } = fraudTargets(settings, onBreaker);
  const breakers = [redisBreaker, fraudBreaker];
  fallbacks = new FallbackManager({
    connections: database.manager,
    maxLagMs: settings.dbMaxReplicaLag,
    externals: breakers,
    onFallback: (fallback) => metrics.fallbacks.add(1, { fallback }),
  });
  const recentWrites = new RecentWrites(redis, settings.redisKeyPrefix);
  const cache = cacheOf(settings, metrics, redis);
  return { database, redis, cache, recentWrites, balancer, fraudBreaker, breakers, fallbacks };
}

function cacheOf(settings: Settings, metrics: Metrics, redis: RedisPool): Cache {
  return new Cache(redis, {
    keyPrefix: settings.redisKeyPrefix,
    ttlSeconds: settings.cacheTtl,
    onHit: (name) => metrics.cacheHits.add(1, { cache: name }),
    onMiss: (name) => metrics.cacheMisses.add(1, { cache: name }),
  });
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
