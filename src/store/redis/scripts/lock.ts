import { defineScript, unexpectedReply, type RedisScript } from './script.js';

export interface LockCall {
  readonly key: string;
  readonly lease: string;
  /** How long the lock lasts from now. */
  readonly ms: number;
  /** How long it lasts when it is new; default `ms`. To release a lock is to let it last for one more millisecond. */
  readonly fullMs?: number;
}

/**
 * Acquires or renews a lock, unless another lease has it. A lock that lasts far longer than it is asked for was given before
 * the server's clock was set back, perhaps to an instance that is gone; one that lasts for ever was not given by this script.
 *
 * KEYS  1 the lock
 * ARGV  1 lease, 2 length (ms), 3 length when it is new (ms)
 * Returns 1 if this lease has the lock, else 0.
 */
const LUA = `
-- Of another type it was not given by this script either.
local holder = redis.pcall('GET', KEYS[1])
if type(holder) == 'string' and holder ~= ARGV[1] then
  -- Refused to a user with the rights of version 0.1.0: then the lock has to end by itself.
  local rest = redis.pcall('PTTL', KEYS[1])
  if type(rest) == 'table' or (rest >= 0 and rest <= 2 * tonumber(ARGV[3])) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
return 1
`;

export const LOCK: RedisScript<LockCall, boolean> = defineScript({
  name: 'lock',
  lua: LUA,
  encode: ({ key, lease, ms, fullMs = ms }) => ({ keys: [key], argv: [lease, ms, fullMs] }),
  decode: (reply) => {
    if (reply !== 0 && reply !== 1) throw unexpectedReply('lock', reply);
    return reply === 1;
  },
});
