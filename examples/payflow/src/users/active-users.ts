import type { RedisPool } from '../cache/redis-pool.js';

/** Who made a request within this time is active. */
const WINDOW_MS = 5 * 60_000;
/** One write for each user and this time is enough for a window of minutes. */
const RENEW_MS = 10_000;

/** How many users have been seen in the last five minutes, by all instances together. */
export class ActiveUsers {
  readonly #redis: RedisPool;
  readonly #key: string;
  readonly #own = new Map<number, number>();
  #count = 0;

  constructor(redis: RedisPool, keyPrefix: string) {
    this.#redis = redis;
    this.#key = `${keyPrefix}active-users`;
  }

  /** Never rejects, and need not be awaited. */
  async seen(userId: number): Promise<void> {
    const now = Date.now();
    if (now - (this.#own.get(userId) ?? 0) < RENEW_MS) return;
    this.#own.set(userId, now);
    try {
      await this.#redis.use(async (redis) => redis.zadd(this.#key, now, String(userId)));
    } catch {
      // Counted again when Redis is back.
    }
  }

  /** The last count, for a metric; `refresh` makes it new. */
  get count(): number {
    return this.#count;
  }

  /** Without Redis, what this instance has seen itself. Never rejects. */
  async refresh(): Promise<void> {
    const since = Date.now() - WINDOW_MS;
    for (const [id, at] of this.#own) if (at < since) this.#own.delete(id);
    try {
      this.#count = await this.#redis.use(async (redis) => {
        await redis.zremrangebyscore(this.#key, '-inf', since);
        return redis.zcard(this.#key);
      });
    } catch {
      this.#count = this.#own.size;
    }
  }
}
