import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import { SETTINGS, type Settings } from '../config/settings.js';
import { orchestratorError } from '../errors.js';
import type { RedisNode, RedisTarget } from '../store/redis/connection/client.js';
import type { RedisMode } from '../store/redis/connection/redis-mode.js';
import { type Warn, warning } from '../warnings.js';

export type RedisSettings = Pick<
  Settings,
  | 'redisUrl'
  | 'redisMode'
  | 'redisNodes'
  | 'redisSentinelName'
  | 'redisUsername'
  | 'redisPassword'
  | 'redisSentinelUsername'
  | 'redisSentinelPassword'
  | 'redisSentinelTls'
  | 'redisTlsCa'
  | 'redisTlsCert'
  | 'redisTlsKey'
  | 'redisTlsServername'
  | 'redisTlsVerify'
>;

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORTS: Readonly<Record<RedisMode, number>> = {
  standalone: 6379,
  sentinel: 26_379,
  cluster: 6379,
};

/** They say how to reach a Redis, and not where it is. */
const WITHOUT_ADDRESS = [
  'redisUsername',
  'redisPassword',
  'redisSentinelName',
  'redisSentinelUsername',
  'redisSentinelPassword',
  'redisSentinelTls',
  'redisTlsCa',
  'redisTlsCert',
  'redisTlsKey',
  'redisTlsServername',
  'redisTlsVerify',
] as const satisfies ReadonlyArray<keyof RedisSettings>;

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

/**
 * Where Redis is, from URL, nodes and single settings; a single setting wins over the same part of the URL. What a setting
 * gives up is said.
 */
export function redisTarget(settings: RedisSettings, warn: Warn): RedisTarget {
  const url = settings.redisUrl === undefined ? undefined : new URL(settings.redisUrl);
  const mode = settings.redisMode;
  if (mode !== 'standalone' && settings.redisNodes.length === 0 && url === undefined) {
    const port = DEFAULT_PORTS[mode];
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'modeWithoutNodes', { mode, port });
  }
  if (mode === 'standalone' && settings.redisNodes.length > 0 && url === undefined) {
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'nodesWithoutMode', {});
  }
  const socket = url?.protocol === 'unix:';
  const username = settings.redisUsername ?? decode(url?.username);
  const password = settings.redisPassword ?? decode(url?.password);
  const db = Number(socket ? url.searchParams.get('db') : url?.pathname.slice(1)) || 0;
  const files = tlsFiles(settings);
  const isEncrypted = url?.protocol === 'rediss:' || Object.keys(files).length > 0;
  const isSentinelEncrypted = mode === 'sentinel' && (settings.redisSentinelTls ?? isEncrypted);
  const tls = isEncrypted || isSentinelEncrypted ? tlsOptions(files, settings, warn) : undefined;
  return {
    mode,
    nodes:
      mode !== 'standalone' && settings.redisNodes.length > 0
        ? settings.redisNodes
        : [nodeOf(url, DEFAULT_PORTS[mode])],
    name: settings.redisSentinelName,
    ...(socket && { path: decodeURIComponent(url.pathname) }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(mode === 'sentinel' && { sentinel: sentinelLogin(settings, isSentinelEncrypted ? tls : undefined) }),
    ...(db > 0 && { db }),
    ...(isEncrypted && tls !== undefined && { tls }),
  };
}

function nodeOf(url: URL | undefined, port: number): RedisNode {
  if (url === undefined || url.protocol === 'unix:') return { host: DEFAULT_HOST, port };
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? port : Number(url.port),
  };
}

function sentinelLogin(
  settings: RedisSettings,
  tls: ConnectionOptions | undefined,
): NonNullable<RedisTarget['sentinel']> {
  const { redisSentinelUsername: username, redisSentinelPassword: password } = settings;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
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

/** With what is checked of the certificate; less than all is said. */
function tlsOptions(
  files: ConnectionOptions,
  { redisTlsServername: servername, redisTlsVerify }: RedisSettings,
  warn: Warn,
): ConnectionOptions {
  const options = { ...files, ...(servername !== undefined && { servername }) };
  if (!redisTlsVerify) {
    warn(...warning('ORCHESTRATOR_TLS_NOT_VERIFIED', {}));
    return { ...options, rejectUnauthorized: false };
  }
  if (servername !== undefined) warn(...warning('ORCHESTRATOR_TLS_OTHER_NAME', { name: servername }));
  return options;
}

function tlsFiles(settings: RedisSettings): ConnectionOptions {
  const ca = pem('ORCHESTRATOR_REDIS_TLS_CA', settings.redisTlsCa);
  const cert = pem('ORCHESTRATOR_REDIS_TLS_CERT', settings.redisTlsCert);
  const key = pem('ORCHESTRATOR_REDIS_TLS_KEY', settings.redisTlsKey);
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
