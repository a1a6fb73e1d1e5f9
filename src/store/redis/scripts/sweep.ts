import type { RedisKeys } from './keys.js';
import { defineScript, SERVER_NOW, unexpectedReply, type RedisScript } from './script.js';

export interface SweepCall {
  readonly keys: RedisKeys;
  readonly family: string;
  /** Of the reply before; `'0'` to begin. */
  readonly cursor: string;
  readonly ttlMs: number;
}

export interface SweepReply {
  /** `'0'` when the family is done. */
  readonly cursor: string;
  readonly deleted: number;
}

/** Fields that one call looks at, so that Redis is never held long. */
const PAGE_FIELDS = 500;

/**
 * Deletes expired series of one family, a page at a time.
 *
 * KEYS  1 families, 2 values, 3 labels
 * ARGV  1 family key, 2 cursor, 3 series ttl (ms), 4 fields a page
 * Returns { next cursor, number deleted }; cursor '0' when done.
 */
const LUA = `${SERVER_NOW}
local page = redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', tonumber(ARGV[4]))
local oldest = now - tonumber(ARGV[3])
local gone = {}
for i = 2, #page[2], 2 do
  if struct.unpack('<d', page[2][i]) < oldest then gone[#gone + 1] = page[2][i - 1] end
end
if #gone > 0 then
  redis.call('HDEL', KEYS[2], unpack(gone))
  redis.call('HDEL', KEYS[3], unpack(gone))
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[3])
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {page[1], #gone}
`;

export const SWEEP: RedisScript<SweepCall, SweepReply> = defineScript({
  name: 'sweep',
  lua: LUA,
  encode: ({ keys, family, cursor, ttlMs }) => ({
    keys: [keys.families, keys.values(family), keys.labels(family)],
    argv: [family, cursor, ttlMs, PAGE_FIELDS],
  }),
  decode: (reply) => {
    if (!Array.isArray(reply)) throw unexpectedReply('sweep', reply);
    return { cursor: String(reply[0]), deleted: Number(reply[1]) };
  },
});
