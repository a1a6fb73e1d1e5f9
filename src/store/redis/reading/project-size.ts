import type { Command } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import { reason } from '../../../errors.js';
import { HashPages } from './hash-pages.js';

/** Keys whose size is asked for in one round trip: each question looks at five entries. */
const TRIP_KEYS = 200;

/** Hashes that are read at a time. */
const TRIP_HASHES = 20;

/** A time that is so far ahead was written before Redis' clock was set back. */
const MAX_AHEAD_MS = 60_000;

/** Bytes that some keys take up in Redis, by its own estimate; undefined if the user may not ask. */
export async function memoryOf(
  connection: RedisConnection,
  keys: readonly string[],
): Promise<number | undefined> {
  let bytes = 0;
  try {
    for (let from = 0; from < keys.length; from += TRIP_KEYS) {
      const some = keys.slice(from, from + TRIP_KEYS);
      const sizes = await connection.read(some.map((key): Command => ['MEMORY', 'USAGE', key]));
      for (const size of sizes) if (typeof size === 'number') bytes += size;
    }
    return bytes;
  } catch (error) {
    // Dragonfly and services that know no MEMORY; users that may not use it.
    if (/NOPERM|no permissions|unknown (?:sub)?command|wrong number of arguments|syntax/i.test(reason(error)))
      return undefined;
    throw error;
  }
}

/** When one of these hashes of values was written last; undefined if there is none. */
export async function lastWriteOf(
  connection: RedisConnection,
  valueKeys: readonly string[],
  nowMs: number,
): Promise<number | undefined> {
  let last: number | undefined;
  for (let from = 0; from < valueKeys.length; from += TRIP_HASHES) {
    const hashes = await new HashPages(connection).read(valueKeys.slice(from, from + TRIP_HASHES));
    for (const fields of hashes) {
      for (let index = 1; index < (fields?.length ?? 0); index += 2) {
        const packed = fields?.[index];
        if (!packed || packed.length < 8) continue;
        const updatedAtMs = packed.readDoubleLE(0);
        if (updatedAtMs <= nowMs + MAX_AHEAD_MS && updatedAtMs > (last ?? 0)) last = updatedAtMs;
      }
    }
  }
  return last;
}
