import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import { SETTINGS, type Settings } from '../config/settings.js';
import { orchestratorError } from '../errors.js';
import type { RedisNode, RedisTarget } from '../store/redis/connection/client.js';

export type RedisSettings = Pick<
  Settings,
  | 'redisUrl'
  | 'redisMode'
  | 'redisNodes'
  | 'redisSentinelName'
  | 'redisUsername'
  | 'redisPassword'
  | 'redisSentinelPassword'
  | 'redisTlsCa'
  | 'redisTlsCert'
  | 'redisTlsKey'
>;

/** They say how to reach a Redis, and not where it is. */
const WITHOUT_ADDRESS = [
  'redisUsername',
  'redisPassword',
  'redisSentinelName',
  'redisSentinelPassword',
  'redisTlsCa',
  'redisTlsCert',
  'redisTlsKey',
] as const satisfies ReadonlyArray<keyof RedisSettings>;

const DEFAULT_REDIS: RedisNode = { host: '127.0.0.1', port: 6379 };

/**
 * Whether the settings ask for Redis. A mode without an address, or a password, is no wish for local files: the former is
 * refused by {@link redisTarget}, the latter here, and the message says what is missing.
 */
export function isRedisConfigured(settings: RedisSettings): boolean {
  if (
    settings.redisUrl !== undefined ||
    settings.redisNodes.length > 0 ||
    settings.redisMode !== 'standalone'
  )
    return true;
  const alone = WITHOUT_ADDRESS.find((name) => settings[name] !== SETTINGS[name].default);
  if (alone === undefined) return false;
  const [setting] = SETTINGS[alone].env;
  throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'withoutAddress', { setting });
}

/** Where Redis is, from URL, nodes and single settings; a single setting wins over the same part of the URL. */
export function redisTarget(settings: RedisSettings): RedisTarget {
  const url = settings.redisUrl === undefined ? undefined : new URL(settings.redisUrl);
  const mode = settings.redisMode;
  if (mode !== 'standalone' && settings.redisNodes.length === 0 && url === undefined) {
    const port = mode === 'sentinel' ? 26_379 : 6379;
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'modeWithoutNodes', { mode, port });
  }
  if (mode === 'standalone' && settings.redisNodes.length > 0 && url === undefined) {
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'nodesWithoutMode', {});
  }
  const socket = url?.protocol === 'unix:';
  const username = settings.redisUsername ?? decode(url?.username);
  const password = settings.redisPassword ?? decode(url?.password);
  const db = Number(socket ? url.searchParams.get('db') : url?.pathname.slice(1)) || 0;
  const tls = tlsOptions(settings, url?.protocol === 'rediss:');
  return {
    mode,
    nodes: mode !== 'standalone' && settings.redisNodes.length > 0 ? settings.redisNodes : [nodeOf(url)],
    name: settings.redisSentinelName,
    ...(socket && { path: decodeURIComponent(url.pathname) }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(settings.redisSentinelPassword !== undefined && { sentinelPassword: settings.redisSentinelPassword }),
    ...(db > 0 && { db }),
    ...(tls !== undefined && { tls }),
  };
}

function nodeOf(url: URL | undefined): RedisNode {
  if (url === undefined || url.protocol === 'unix:') return DEFAULT_REDIS;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_REDIS.port : Number(url.port),
  };
}

function decode(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare "%": someone wrote the password as it is.
    return text;
  }
}

function tlsOptions(settings: RedisSettings, wanted: boolean): ConnectionOptions | undefined {
  const ca = pem('ORCHESTRATOR_REDIS_TLS_CA', settings.redisTlsCa);
  const cert = pem('ORCHESTRATOR_REDIS_TLS_CERT', settings.redisTlsCert);
  const key = pem('ORCHESTRATOR_REDIS_TLS_KEY', settings.redisTlsKey);
  if (!wanted && ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function pem(setting: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const values = { setting, file, error };
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'unreadableFile', values, { cause: error });
  }
}
