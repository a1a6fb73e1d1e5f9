import type { Redis } from 'ioredis';

import type { RedisPool } from './redis-pool.js';

export interface CacheOptions {
  readonly keyPrefix: string;
  readonly ttlSeconds: number;
  readonly onHit: (cache: string) => void;
  readonly onMiss: (cache: string) => void;
}

/** Keys that one request may list or delete. */
export const MAX_KEYS = 1000;
const SCAN_COUNT = 500;

/**
 * KEYS[1] entry; ARGV: version, JSON, seconds. Keeps a newer version: a read that began before an update would else put back
 * what the update replaced. Answers 1 if it was written.
 */
const PUT_IF_NEWER = `
local version = tonumber(ARGV[1])
local now = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
if now > version then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'value', ARGV[2])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]))
return 1`;

/**
 * Entries `<kind>:<id>` with versions, in Redis. Every method works without Redis too: reads find nothing, writes do nothing;
 * only what an administrator asks of the cache itself rejects.
 */
export class Cache {
  readonly #redis: RedisPool;
  readonly #options: CacheOptions;
  #hits = 0;
  #misses = 0;

  constructor(redis: RedisPool, options: CacheOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  /** Undefined when there is none, or no Redis. `null` is a value: that of something deleted. */
  async get<Value>(kind: string, id: string | number): Promise<Value | null | undefined> {
    let text: string | null = null;
    try {
      text = await this.#redis.read(async (redis) => redis.hget(this.#key(`${kind}:${id}`), 'value'));
    } catch {
      // The caller has another source.
    }
    if (text === null) {
      this.#misses++;
      this.#options.onMiss(kind);
      return undefined;
    }
    this.#hits++;
    this.#options.onHit(kind);
    return JSON.parse(text) as Value | null;
  }

  /** @param version of the value: a lower one than that in the cache is ignored */
  async put(kind: string, id: string | number, version: number, value: unknown): Promise<void> {
    const { ttlSeconds } = this.#options;
    try {
      await this.#redis.use(async (redis) =>
        redis.eval(PUT_IF_NEWER, 1, this.#key(`${kind}:${id}`), version, JSON.stringify(value), ttlSeconds),
      );
    } catch {
      // It expires at the latest after its time.
    }
  }

  /** @throws when Redis does not answer */
  async keys(pattern: string): Promise<{ readonly keys: readonly string[]; readonly complete: boolean }> {
    const found = await this.#scan(pattern);
    const keys = found.slice(0, MAX_KEYS).toSorted((a, b) => a.localeCompare(b));
    return { keys, complete: found.length <= MAX_KEYS };
  }

  /** How many entries were deleted. @throws when Redis does not answer */
  async invalidate(pattern: string): Promise<number> {
    let deleted = 0;
    for (;;) {
      const keys = await this.#scan(pattern);
      for (const key of keys) deleted += await this.#redis.use(async (redis) => redis.unlink(this.#key(key)));
      if (keys.length <= MAX_KEYS) return deleted;
    }
  }

  /** Connections of this instance to Redis. */
  get connections(): number {
    return this.#redis.size;
  }

  /** Of this instance since its start, and the entries of all. @throws when Redis does not answer */
  async stats(): Promise<{
    readonly hits: number;
    readonly misses: number;
    readonly hit_ratio: number | null;
    readonly entries: number;
    readonly connections: number;
  }> {
    const all = this.#hits + this.#misses;
    return {
      hits: this.#hits,
      misses: this.#misses,
      hit_ratio: all === 0 ? null : this.#hits / all,
      entries: (await this.#scan('*', Number.POSITIVE_INFINITY)).length,
      connections: this.connections,
    };
  }

  /** SCAN, which other clients hardly notice; KEYS would stop a live Redis until it is done. */
  async #scan(pattern: string, limit = MAX_KEYS): Promise<string[]> {
    const prefix = this.#key('');
    const found = new Set<string>();
    for (const master of await this.#redis.masters()) {
      let cursor = '0';
      do {
        const [next, keys] = await scanOnce(master, cursor, escapeGlob(prefix) + pattern);
        for (const key of keys) found.add(key.slice(prefix.length));
        cursor = next;
      } while (cursor !== '0' && found.size <= limit);
    }
    return [...found];
  }

  #key(name: string): string {
    return `${this.#options.keyPrefix}cache:${name}`;
  }
}

async function scanOnce(redis: Redis, cursor: string, pattern: string): Promise<[string, string[]]> {
  return redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
}

function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}
