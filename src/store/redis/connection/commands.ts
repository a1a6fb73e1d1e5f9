import type { Redis } from 'ioredis';

import { reason } from '../../../errors.js';
import type { RedisScript } from '../scripts/script.js';

/** EVALSHA, and EVAL once when the server does not have the script (first use, restart, SCRIPT FLUSH, failover). */
export async function runScript<Call, Reply>(
  client: Redis,
  script: RedisScript<Call, Reply>,
  call: Call,
): Promise<Reply> {
  const { keys, argv } = script.encode(call);
  let reply: unknown;
  try {
    reply = await client.evalsha(script.sha, keys.length, ...keys, ...argv);
  } catch (error) {
    if (!reason(error).startsWith('NOSCRIPT')) throw error;
    reply = await client.eval(script.lua, keys.length, ...keys, ...argv);
  }
  return script.decode(reply, call);
}

export type Command = readonly [name: string, ...args: string[]];

/** Several commands in one round trip; answers are Buffers. Rejects with the first error among them. */
export async function pipeline(client: Redis, commands: readonly Command[]): Promise<unknown[]> {
  const batch = client.pipeline();
  for (const [name, ...args] of commands) batch.callBuffer(name, ...args);
  const results = (await batch.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

/** An array of a pipeline's answers; empty for anything else. */
export function buffers(reply: unknown): ReadonlyArray<Buffer | null> {
  return Array.isArray(reply) ? (reply as Array<Buffer | null>) : [];
}

/** The same as text; `''` for what is not there. */
export function strings(reply: unknown): string[] {
  return buffers(reply).map((item) => item?.toString() ?? '');
}
