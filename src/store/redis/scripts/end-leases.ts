import type { RedisKeys } from './keys.js';
import { defineScript, SERVER_NOW, unexpectedReply, type RedisScript } from './script.js';

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
 * recognized.
 *
 * KEYS  1 instances, then one instance key for each lease
 * ARGV  1 force (1: end the lease now, 0: only if it has ended), 2 key ttl (ms), then the leases
 * Returns the number of leases ended.
 */
const LUA = `${SERVER_NOW}
local ended = 0
for i = 3, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and (ARGV[1] == '1' or tonumber(ends) < now) then
    local key = KEYS[i - 1]
    local position = redis.call('HGET', key, 'position')
    redis.call('DEL', key)
    if position then
      redis.call('HSET', key, 'position', position)
      redis.call('PEXPIRE', key, tonumber(ARGV[2]))
    end
    redis.call('ZREM', KEYS[1], ARGV[i])
    ended = ended + 1
  end
end
return ended
`;

export const END_LEASES: RedisScript<EndLeasesCall, number> = defineScript({
  name: 'end-leases',
  lua: LUA,
  encode: ({ keys, leases, when, keyTtlMs }) => ({
    keys: [keys.instances, ...leases.map((lease) => keys.instance(lease))],
    argv: [when === 'now' ? 1 : 0, keyTtlMs, ...leases],
  }),
  decode: (reply) => {
    if (typeof reply !== 'number') throw unexpectedReply('end-leases', reply);
    return reply;
  },
});
