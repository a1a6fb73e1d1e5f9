import type { RedisPool } from '../cache/redis-pool.js';
import type { ReadAfter } from './database-reader.js';

/** Far longer than a replica that still gets reads can be behind. */
const REMEMBER_SECONDS = 60;
const MAX_REMEMBERED = 20_000;

/** KEYS[1] position; ARGV: position, seconds. Positions have up to 19 digits, more than a number of Lua: compared as text. */
const RAISE = `
local now = redis.call('GET', KEYS[1])
if now and (#now > #ARGV[1] or (#now == #ARGV[1] and now >= ARGV[1])) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', tonumber(ARGV[2]))
return 1`;

interface Remembered {
  readonly position: bigint;
  readonly until: number;
}

/**
 * What each user has written last, as a position of the log, so that reads that follow see it, whichever instance and replica
 * they reach. Kept in this process and, for the other instances, in Redis; without Redis such reads go to the primary.
 */
export class RecentWrites {
  readonly #redis: RedisPool;
  readonly #keyPrefix: string;
  readonly #own = new Map<number, Remembered>();

  constructor(redis: RedisPool, keyPrefix: string) {
    this.#redis = redis;
    this.#keyPrefix = keyPrefix;
  }

  /** To be awaited before the answer is sent: the next request may be on its way to another instance. */
  async remember(userIds: Iterable<number>, position: bigint): Promise<void> {
    const until = Date.now() + REMEMBER_SECONDS * 1000;
    const ids = [...new Set(userIds)];
    for (const id of ids) {
      // Deleted first, so that the order of the map is that of the writes.
      const known = this.#own.get(id)?.position ?? 0n;
      this.#own.delete(id);
      this.#own.set(id, { position: known > position ? known : position, until });
    }
    for (const oldest of this.#own.keys()) {
      if (this.#own.size <= MAX_REMEMBERED) break;
      this.#own.delete(oldest);
    }
    try {
      await Promise.all(
        ids.map(async (id) =>
          this.#redis.use(async (redis) =>
            redis.eval(RAISE, 1, this.#key(id), String(position), REMEMBER_SECONDS),
          ),
        ),
      );
    } catch {
      // Other instances cannot read Redis either, most likely, and then ask the primary.
    }
  }

  /** What a read of these users' data must see. */
  async of(...userIds: readonly number[]): Promise<ReadAfter> {
    const ids = [...new Set(userIds)];
    let position = 0n;
    for (const id of ids) position = later(position, this.#ownOf(id));
    try {
      const texts = await Promise.all(
        ids.map(async (id) => this.#redis.use(async (redis) => redis.get(this.#key(id)))),
      );
      for (const text of texts) if (text !== null) position = later(position, BigInt(text));
    } catch {
      return 'primary';
    }
    return position;
  }

  #ownOf(id: number): bigint {
    const known = this.#own.get(id);
    if (known === undefined) return 0n;
    if (known.until > Date.now()) return known.position;
    this.#own.delete(id);
    return 0n;
  }

  #key(id: number): string {
    return `${this.#keyPrefix}position:${id}`;
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
