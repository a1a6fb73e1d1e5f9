import type { RedisKeys } from './keys.js';
import { defineScript, SERVER_NOW, unexpectedReply, type RedisScript } from './script.js';

export interface SweepCall {
  readonly keys: RedisKeys;
  readonly family: string;
  /** Of the reply before; `'0'` to begin. */
  readonly cursor: string;
  readonly ttlMs: number;
  /** Entries that one call looks at, so that Redis is never held long. */
  readonly pageEntries: number;
  /** `look` deletes nothing, and finds what is there to delete. */
  readonly how: 'look' | 'delete';
}

export interface SweepReply {
  /** `'0'` when the family is done. */
  readonly cursor: string;
  /** Series that have expired; 1 for a family without series. */
  readonly found: number;
}

/**
 * Finds or deletes expired series of one family, a page at a time.
 *
 * KEYS  1 families, 2 values, 3 labels
 * ARGV  1 family key, 2 cursor, 3 series ttl (ms), 4 entries a page, 5 how (0 look, 1 delete)
 * Returns { next cursor, number found }; cursor '0' when done.
 */
const LUA = `${SERVER_NOW}
local page = redis.pcall('HSCAN', KEYS[2], ARGV[2], 'COUNT', tonumber(ARGV[4]))
if page.err then
  -- The values are no hash. Somebody has to look at them.
  if string.find(page.err, 'WRONGTYPE', 1, true) then return {'0', 0} end
  return page
end
local oldest, gone = now - tonumber(ARGV[3]), {}
for i = 2, #page[2], 2 do
  local packed = page[2][i]
  -- Too short, or no time at all: something else has written it.
  if #packed < 16 or not (struct.unpack('<d', packed) >= oldest) then gone[#gone + 1] = page[2][i - 1] end
end
if ARGV[5] == '0' then
  return {page[1], #page[2] == 0 and redis.call('EXISTS', KEYS[2]) == 0 and 1 or #gone}
end
for i = 1, #gone, 1000 do
  local last = math.min(i + 999, #gone)
  redis.call('HDEL', KEYS[2], unpack(gone, i, last))
  redis.call('HDEL', KEYS[3], unpack(gone, i, last))
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('UNLINK', KEYS[3])
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {page[1], #gone}
`;

export const SWEEP: RedisScript<SweepCall, SweepReply> = defineScript({
  name: 'sweep',
  lua: LUA,
  encode: ({ keys, family, cursor, ttlMs, pageEntries, how }) => ({
    keys: [keys.families, keys.values(family), keys.labels(family)],
    argv: [family, cursor, ttlMs, pageEntries, how === 'look' ? 0 : 1],
  }),
  decode: (reply) => {
    const [cursor, found]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof cursor !== 'string' || typeof found !== 'number') throw unexpectedReply('sweep', reply);
    return { cursor, found };
  },
});
