import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

import type { RouteConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';

export interface RateLimits {
  /** Counts one request. Answers the headers that tell the client where it stands. @throws Problem 429 */
  consume(key: string): Promise<Record<string, string>>;
}

/**
 * One count for all processes, in Redis. While Redis is away, each process counts alone: a limit that is not exact is better
 * than a gateway that refuses.
 */
export function createRateLimit(route: RouteConfig, redis: Redis | undefined): RateLimits | undefined {
  const { rateLimit, name } = route;
  if (rateLimit === undefined) return undefined;
  const { requests: points, perSeconds: duration } = rateLimit;
  const options = { points, duration, keyPrefix: `gateway:rate:${name}` };
  const alone = new RateLimiterMemory(options);
  const limiter =
    redis === undefined
      ? alone
      : new RateLimiterRedis({
          ...options,
          storeClient: redis,
          insuranceLimiter: alone,
          rejectIfRedisNotReady: true,
        });
  return {
    async consume(key) {
      try {
        return headersOf(points, await limiter.consume(key));
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        const headers = headersOf(points, error);
        throw new Problem(429, 'rate_limited', `At most ${points} requests in ${duration} s.`, {
          headers: { ...headers, 'retry-after': headers['ratelimit-reset'] ?? '1' },
        });
      }
    },
  };
}

function headersOf(
  points: number,
  { remainingPoints, msBeforeNext }: RateLimiterRes,
): Record<string, string> {
  return {
    'ratelimit-limit': String(points),
    'ratelimit-remaining': String(Math.max(0, remainingPoints)),
    'ratelimit-reset': String(Math.ceil(msBeforeNext / 1000)),
  };
}
