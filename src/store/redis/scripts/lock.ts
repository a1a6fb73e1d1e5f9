import { defineScript, unexpectedReply, type RedisScript } from './script.js';

export interface LockCall {
  readonly key: string;
  readonly lease: string;
  readonly ms: number;
}

/**
 * Acquires or renews a lock, unless another lease has it.
 *
 * KEYS  1 the lock
 * ARGV  1 lease, 2 length (ms)
 * Returns 1 if this lease has the lock, else 0.
 */
const LUA = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
return 1
`;

export const LOCK: RedisScript<LockCall, boolean> = defineScript({
  name: 'lock',
  lua: LUA,
  encode: ({ key, lease, ms }) => ({ keys: [key], argv: [lease, ms] }),
  decode: (reply) => {
    if (reply !== 0 && reply !== 1) throw unexpectedReply('lock', reply);
    return reply === 1;
  },
});
