import { Redis } from 'ioredis';

import type { Settings } from '../settings/read-settings.js';
import type { Log } from '../telemetry/log.js';

/** `undefined` without REDIS_HOST. */
export function openRedis({ redisHost, redisPort, redisPassword }: Settings, log: Log): Redis | undefined {
  if (redisHost === '') return undefined;
  const redis = new Redis({
    host: redisHost,
    port: redisPort,
    ...(redisPassword !== '' && { password: redisPassword }),
    connectionName: 'gateway',
    // A request does not wait for a Redis that is away.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 500,
  });
  let down = false;
  redis.on('error', (error: Error) => {
    if (!down)
      log.warn({ err: error }, 'Redis is not reachable: each process limits alone, and nothing is cached');
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('Redis is reachable again');
    down = false;
  });
  return redis;
}
