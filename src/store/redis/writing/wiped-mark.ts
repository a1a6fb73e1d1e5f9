import { performance } from 'node:perf_hooks';

import { strings } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';

/** When the project was last wiped, by `performance.now()`; undefined if its data were lost in another way. */
export async function wipedMark(connection: RedisConnection, keys: RedisKeys): Promise<number | undefined> {
  const [wiped, time] = await connection.read([['GET', keys.wiped], ['TIME']]);
  if (!Buffer.isBuffer(wiped)) return undefined;
  const [seconds, microseconds] = strings(time);
  const agoMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - Number(wiped.toString());
  return Number.isFinite(agoMs) ? performance.now() - agoMs : undefined;
}
