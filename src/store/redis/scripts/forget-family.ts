import type { RedisKeys } from './keys.js';
import { defineScript, unexpectedReply, type RedisScript } from './script.js';

export interface ForgetFamilyCall {
  readonly keys: RedisKeys;
  readonly family: string;
}

/**
 * Deletes what is stored of one family, at once: an instance that writes in between would find a part of it. An instance that
 * adds to it next is asked for descriptor and labels, as after a loss, and sends them with the same part.
 *
 * KEYS  1 families, 2 values, 3 labels
 * ARGV  1 family key
 * Returns 1 if there was such a family, else 0.
 */
const LUA = `
redis.call('UNLINK', KEYS[2], KEYS[3])
return redis.call('HDEL', KEYS[1], ARGV[1])
`;

export const FORGET_FAMILY: RedisScript<ForgetFamilyCall, boolean> = defineScript({
  name: 'forget-family',
  lua: LUA,
  encode: ({ keys, family }) => ({
    keys: [keys.families, keys.values(family), keys.labels(family)],
    argv: [family],
  }),
  decode: (reply) => {
    if (reply !== 0 && reply !== 1) throw unexpectedReply('forget-family', reply);
    return reply === 1;
  },
});
