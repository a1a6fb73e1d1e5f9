import type { Command } from './commands.js';

type Arguments = ReadonlyArray<string | number>;

const isInteger = (reply: unknown): boolean => Number.isInteger(reply);
const isText = (reply: unknown): boolean => reply === null || Buffer.isBuffer(reply);
const isTexts = (reply: unknown): reply is ReadonlyArray<Buffer | null> =>
  Array.isArray(reply) && reply.every(isText);
const isPairs = (reply: unknown): boolean => isTexts(reply) && reply.length % 2 === 0;
const isDigits = (reply: unknown): boolean =>
  Buffer.isBuffer(reply) && /^\d+$/.test(reply.toString('latin1'));
const isCondition = (argument: string | number): boolean => argument === 'NX' || argument === 'XX';

/** What the replies of commands look like; a command that is not here may answer anything. */
const SHAPES: Readonly<Record<string, (reply: unknown, args: Arguments) => boolean>> = {
  TIME: (reply) => Array.isArray(reply) && reply.length === 2 && reply.every(isDigits),
  GET: isText,
  HGET: isText,
  SET: (reply, args) =>
    Buffer.isBuffer(reply) ? reply.toString() === 'OK' : reply === null && args.some(isCondition),
  HMGET: (reply, args) => isTexts(reply) && reply.length === args.length - 1,
  HGETALL: isPairs,
  HSCAN: (reply) => Array.isArray(reply) && reply.length === 2 && isDigits(reply[0]) && isPairs(reply[1]),
  ZRANGE: (reply, args) => (args.at(-1) === 'WITHSCORES' ? isPairs(reply) : isTexts(reply)),
  HSET: isInteger,
  HDEL: isInteger,
  UNLINK: isInteger,
  PEXPIRE: isInteger,
  ZADD: isInteger,
  ZREMRANGEBYSCORE: isInteger,
};

/**
 * Whether this can be the answer to that command. One that cannot belongs to another command: a proxy has lost or doubled an
 * answer, and from here on every answer of the connection is of another command.
 */
export function canAnswer([name, ...args]: Command, reply: unknown): boolean {
  return reply instanceof Error || (SHAPES[name.toUpperCase()]?.(reply, args) ?? true);
}
