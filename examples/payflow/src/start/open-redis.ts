import { ReplyError } from 'ioredis';

import { RedisPool } from '../cache/redis-pool.js';
import type { Settings } from '../config/settings.js';
import { Breaker, type BreakerState } from '../resilience/breaker.js';

/** The pool and its circuit breaker. Redis need not be there: the service starts without it. */
export function openRedis(
  settings: Settings,
  onBreaker: (name: string, state: BreakerState) => void,
  onReplicaRead: () => void,
): { readonly redis: RedisPool; readonly breaker: Breaker } {
  const breaker = new Breaker('redis', {
    failures: settings.cbExternalFailures,
    resetMs: settings.cbExternalReset,
    counts: (error) => !(error instanceof ReplyError),
    onChange: (state) => onBreaker('redis', state),
  });
  const redis = new RedisPool({
    host: settings.redisHost,
    port: settings.redisPort,
    password: settings.redisPassword,
    cluster: settings.redisCluster,
    ...(settings.redisReadHost !== '' && {
      readReplica: {
        host: settings.redisReadHost,
        port: settings.redisReadPort,
        password: settings.redisPassword,
      },
    }),
    size: settings.redisPoolSize,
    minIdle: settings.redisMinIdle,
    timeoutMs: settings.redisTimeout,
    breaker,
    onReplicaRead,
  });
  return { redis, breaker };
}
