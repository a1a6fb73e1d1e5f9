import type { Redis } from 'ioredis';

import { reason } from '../../../errors.js';
import type { RedisScript, ScriptArguments } from '../scripts/script.js';

/** A connection, and whether the slot of a cluster is only on its way to that node, so that each command needs leave. */
export interface Route {
  readonly client: Redis;
  readonly asking: boolean;
}

/** EVALSHA, and EVAL once when the server does not have the script (first use, restart, SCRIPT FLUSH, failover). */
export async function evaluate(
  route: Route,
  { sha, lua }: Pick<RedisScript<never, unknown>, 'sha' | 'lua'>,
  { keys, argv }: ScriptArguments,
): Promise<unknown> {
  try {
    return await call(route, 'evalsha', sha, keys.length, ...keys, ...argv);
  } catch (error) {
    if (!reason(error).startsWith('NOSCRIPT')) throw error;
    return call(route, 'eval', lua, keys.length, ...keys, ...argv);
  }
}

async function call(
  { client, asking }: Route,
  name: string,
  ...args: ReadonlyArray<string | number | Buffer>
): Promise<unknown> {
  if (!asking) return client.call(name, ...args);
  const replies = await client
    .pipeline()
    .call('asking')
    .call(name, ...args)
    .exec();
  const [error, reply] = replies?.[1] ?? [];
  if (error) throw error;
  return reply;
}

export type Command = readonly [name: string, ...args: Array<string | number>];

/** Several commands in one round trip. Replies are Buffers, and errors where a command was refused. */
export async function pipeline({ client, asking }: Route, commands: readonly Command[]): Promise<unknown[]> {
  const batch = client.pipeline();
  for (const [name, ...args] of commands) {
    if (asking) batch.call('asking');
    batch.callBuffer(name, ...args);
  }
  const results = (await batch.exec()) ?? [];
  const replies = results.map(([error, reply]) => error ?? reply);
  return asking ? replies.filter((_reply, index) => index % 2 === 1) : replies;
}

/** An array of a pipeline's replies; empty for anything else. */
export function buffers(reply: unknown): ReadonlyArray<Buffer | null> {
  return Array.isArray(reply) ? (reply as Array<Buffer | null>) : [];
}

/** The same as text; `''` for what is not there. */
export function strings(reply: unknown): string[] {
  return buffers(reply).map((item) => item?.toString() ?? '');
}
