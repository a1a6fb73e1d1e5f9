import { createHash } from 'node:crypto';

import { reason } from '../../errors.js';
import { PROJECT_COMMANDS, type ProjectCommand, type RedisDiagnosis } from '../redis-diagnosis.js';
import type { RedisTarget } from './connection/client.js';
import { type Command, strings } from './connection/commands.js';
import { RedisConnection } from './connection/connection.js';
import { redisKeys } from './scripts/keys.js';

/** Round trips of which the median is taken. */
const TRIPS = 5;

const LUA = 'return 1';
const SHA = createHash('sha1').update(LUA).digest('hex');

/** See {@link RedisDiagnosis}. Rejects when the server cannot be reached or refuses the login. */
export async function diagnose(
  target: RedisTarget,
  prefix: string,
  timeoutMs: number,
): Promise<RedisDiagnosis> {
  const connection = new RedisConnection(target, timeoutMs);
  try {
    const probes = probesOf(`${redisKeys(prefix).project}:doctor`);
    const refused: string[] = [];
    let writeError: string | undefined;
    const { latencyMs, clockOffsetMs } = await timesOf(connection);
    for (const name of PROJECT_COMMANDS) {
      const failure = await failureOf(connection, probes[name]);
      if (failure === undefined) continue;
      if (isForbidden(failure)) refused.push(name);
      else writeError ??= reason(failure).replace(`${connection.description}: `, '');
    }
    return {
      description: connection.description,
      latencyMs,
      clockOffsetMs,
      refused,
      writeError,
      info: await infoOf(connection),
    };
  } finally {
    connection.close();
  }
}

/**
 * One harmless call of each command, on a key of the project that it does not have. Redis checks rights before it looks at
 * data, and refuses writes on a replica, without memory or without a disk whatever they would do. HSET writes one field, which
 * is taken away again.
 */
function probesOf(key: string): Readonly<Record<ProjectCommand, readonly Command[]>> {
  return {
    eval: [['EVAL', LUA, '1', key]],
    evalsha: [['EVALSHA', SHA, '1', key]],
    time: [['TIME']],
    exists: [['EXISTS', key]],
    get: [['GET', key]],
    pexpire: [['PEXPIRE', key, '1000']],
    pttl: [['PTTL', key]],
    set: [['SET', key, '1', 'XX', 'PX', '1']],
    unlink: [['UNLINK', key]],
    hdel: [['HDEL', key, 'field']],
    hexists: [['HEXISTS', key, 'field']],
    hget: [['HGET', key, 'field']],
    hgetall: [['HGETALL', key]],
    hlen: [['HLEN', key]],
    hmget: [['HMGET', key, 'field']],
    hscan: [['HSCAN', key, '0']],
    hset: [
      ['HSET', key, 'field', '1'],
      ['PEXPIRE', key, '1000'],
      ['UNLINK', key],
    ],
    zadd: [['ZADD', key, 'XX', '1', 'member']],
    zrange: [['ZRANGE', key, '0', '0']],
    zrem: [['ZREM', key, 'member']],
    zscore: [['ZSCORE', key, 'member']],
  };
}

/** True for a command that the user may not call. Errors of a connection begin with its name. */
function isForbidden(error: unknown): boolean {
  return /\bNOPERM\b|can't run this command|no permissions to/i.test(reason(error));
}

/** The failure of the first of them; what follows it has a probe of its own. */
async function failureOf(connection: RedisConnection, commands: readonly Command[]): Promise<unknown> {
  for (const [index, command] of commands.entries()) {
    try {
      await connection.read([command]);
    } catch (error) {
      return index === 0 ? error : undefined;
    }
  }
  return undefined;
}

/** By the middle of the round trip that Redis' clock was read in. */
async function timesOf(
  connection: RedisConnection,
): Promise<Pick<RedisDiagnosis, 'latencyMs' | 'clockOffsetMs'>> {
  // The first one opens the connection.
  await connection.read([['EXISTS', 'orchestrator']]).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
  });
  const trips: Array<{ readonly ms: number; readonly offsetMs: number | undefined }> = [];
  for (let trip = 0; trip < TRIPS; trip += 1) {
    const begin = performance.now();
    const before = Date.now();
    const time = await connection.read([['TIME']]).catch((error: unknown) => {
      if (!isForbidden(error)) throw error;
      return undefined;
    });
    const ms = performance.now() - begin;
    const [seconds, microseconds] = strings(time?.[0]);
    const theirs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    trips.push({ ms, offsetMs: seconds === undefined ? undefined : theirs - (before + ms / 2) });
  }
  const [median] = trips.toSorted((a, b) => a.ms - b.ms).slice(Math.floor(TRIPS / 2));
  return { latencyMs: median?.ms ?? 0, clockOffsetMs: median?.offsetMs };
}

/** `name:value` lines; undefined for a user that may not ask, as the users of projects may not. */
async function infoOf(connection: RedisConnection): Promise<RedisDiagnosis['info']> {
  try {
    const [reply] = await connection.read([['INFO']]);
    if (!Buffer.isBuffer(reply)) return undefined;
    const pairs = reply
      .toString()
      .split(/\r?\n/)
      .flatMap((line) => {
        const colon = line.indexOf(':');
        return colon <= 0 || line.startsWith('#')
          ? []
          : [[line.slice(0, colon), line.slice(colon + 1)] as const];
      });
    return Object.fromEntries(pairs);
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}
