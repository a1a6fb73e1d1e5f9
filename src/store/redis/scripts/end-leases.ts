import type { RedisKeys } from './keys.js';
import { defineScript, SERVER_NOW, unexpectedReply, type RedisScript } from './script.js';

/** Of an instance that does not say how long its lease is: one of version 0.1.0, or one whose hash was evicted. */
export const MAX_UNKNOWN_LEASE_MS = 86_400_000;

export interface EndLeasesCall {
  readonly keys: RedisKeys;
  readonly leases: readonly string[];
  /** `now`: whether the lease has ended or not. */
  readonly when: 'now' | 'if ended';
  /** How long the position of an ended lease is remembered. */
  readonly keyTtlMs: number;
}

/**
 * Ends leases: what the instances currently say goes, their position stays, so that a batch that arrives late is still
 * recognized. The position is written once before anything is deleted: a write that is refused is refused then.
 *
 * KEYS  1 instances, then one instance key for each lease
 * ARGV  1 force (1: end the lease now, 0: only if it has ended), 2 key ttl (ms), 3 the longest that an instance can have left that
 *       does not say how long its lease is (ms), then the leases
 * Returns the number of leases ended.
 */
const LUA = `${SERVER_NOW}
local ended = 0
for i = 4, #ARGV do
  local key, ends = KEYS[i - 2], redis.pcall('ZSCORE', KEYS[1], ARGV[i])
  -- Of another type: nobody has a lease.
  if type(ends) == 'table' and string.find(ends.err, 'WRONGTYPE', 1, true) then return 0 end
  if type(ends) == 'table' then return ends end
  local known = ends and redis.pcall('HMGET', key, 'position', 'leaseMs')
  if ends then
    if known.err and not string.find(known.err, 'WRONGTYPE', 1, true) then return known end
    local left, leaseMs = tonumber(ends) - now, tonumber(known[2] or '')
    -- One that lasts longer than any batch can have said was given before the clock was set back.
    if ARGV[1] == '1' or not (left >= 0 and left <= (leaseMs and 2 * leaseMs or tonumber(ARGV[3]))) then
      local position = known[1]
      if position then
        redis.call('PEXPIRE', key, tonumber(ARGV[2]))
        redis.call('HSET', key, 'position', position)
      end
      redis.call('UNLINK', key)
      if position then
        redis.call('HSET', key, 'position', position)
        redis.call('PEXPIRE', key, tonumber(ARGV[2]))
      end
      redis.call('ZREM', KEYS[1], ARGV[i])
      ended = ended + 1
    end
  end
end
return ended
`;

export const END_LEASES: RedisScript<EndLeasesCall, number> = defineScript({
  name: 'end-leases',
  lua: LUA,
  encode: ({ keys, leases, when, keyTtlMs }) => ({
    keys: [keys.instances, ...leases.map((lease) => keys.instance(lease))],
    argv: [when === 'now' ? 1 : 0, keyTtlMs, MAX_UNKNOWN_LEASE_MS, ...leases],
  }),
  decode: (reply) => {
    if (typeof reply !== 'number') throw unexpectedReply('end-leases', reply);
    return reply;
  },
});
