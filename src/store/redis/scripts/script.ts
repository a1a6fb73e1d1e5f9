import { createHash } from 'node:crypto';

import { orchestratorError, type OrchestratorError } from '../../../errors.js';

/**
 * Lua that runs inside Redis. It stays within what Redis 6.2, Redis 7, Valkey and Dragonfly offer: `struct`, no
 * redis.setresp, no functions. Time is the server's. Every key comes through KEYS, every number through tonumber.
 */

export type RedisArgument = string | number | Buffer;

export interface ScriptArguments {
  readonly keys: readonly string[];
  readonly argv: readonly RedisArgument[];
}

/** One script with its protocol: nothing else knows how its KEYS, its ARGV and its replies are laid out. */
export interface RedisScript<Call, Reply> {
  readonly name: string;
  readonly lua: string;
  /** By which EVALSHA names it. */
  readonly sha: string;
  readonly encode: (call: Call) => ScriptArguments;
  /** Throws ORCHESTRATOR_STORE_REFUSED for a reply that the script does not give. */
  readonly decode: (reply: unknown, call: Call) => Reply;
}

export function defineScript<Call, Reply>(
  script: Omit<RedisScript<Call, Reply>, 'sha'>,
): RedisScript<Call, Reply> {
  return { ...script, sha: createHash('sha1').update(script.lua).digest('hex') };
}

/** Lua that sets `now` to the server's time in Unix milliseconds. */
export const SERVER_NOW = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

export function unexpectedReply(script: string, reply: unknown): OrchestratorError {
  const shown = Array.isArray(reply) ? reply[0] : reply;
  return orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'script', { script, answer: String(shown) });
}
