import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import type { Settings } from '../config/settings.js';
import { OrchestratorError, reason } from '../errors.js';
import { createLocalStore } from '../store/local/local-store.js';
import { createMemoryStore } from '../store/memory/memory-store.js';
import type { MetricStore, StoreContext } from '../store/metric-store.js';
import type { RedisNode, RedisTarget } from '../store/redis/client.js';
import type * as RedisStoreModule from '../store/redis/redis-store.js';

export type StoreSettings = Pick<
  Settings,
  | 'store'
  | 'localDir'
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

const DEFAULT_REDIS: RedisNode = { host: '127.0.0.1', port: 6379 };

/**
 * Opens the store that the settings ask for: Redis if one is configured, else files that the processes of this host share,
 * and if those cannot be had this process's memory.
 */
export function createStore(settings: StoreSettings, context: StoreContext, timeoutMs: number): MetricStore {
  const redisConfigured = settings.redisUrl !== undefined || settings.redisNodes.length > 0;
  const kind = settings.store ?? (redisConfigured ? 'redis' : 'local');
  switch (kind) {
    case 'redis': {
      // Only who uses Redis pays for loading the client.
      const { createRedisStore } = require('../store/redis/redis-store.js') as typeof RedisStoreModule;
      return createRedisStore(context, redisTarget(settings), timeoutMs);
    }
    case 'local':
      return localOrMemory(settings, context);
    case 'memory':
      return createMemoryStore(context);
  }
}

function localOrMemory({ localDir }: StoreSettings, context: StoreContext): MetricStore {
  try {
    return createLocalStore(context, { directory: localDir });
  } catch (error) {
    context.warn(
      `${reason(error)} Used instead: memory, so that each process shows only itself. Set ORCHESTRATOR_LOCAL_DIR or ORCHESTRATOR_REDIS_URL.`,
    );
    return createMemoryStore(context);
  }
}

/** Where Redis is, from URL, nodes and single settings; a single setting wins over the same part of the URL. */
export function redisTarget(settings: StoreSettings): RedisTarget {
  const url = settings.redisUrl === undefined ? undefined : new URL(settings.redisUrl);
  const mode = settings.redisMode;
  if (mode !== 'standalone' && settings.redisNodes.length === 0 && url === undefined) {
    throw new OrchestratorError(
      'ORCHESTRATOR_INVALID_SETTING',
      `ORCHESTRATOR_REDIS_MODE=${mode} needs ORCHESTRATOR_REDIS_NODES, for example 10.0.0.1:${mode === 'sentinel' ? 26_379 : 6379},10.0.0.2:${mode === 'sentinel' ? 26_379 : 6379}.`,
    );
  }
  if (mode === 'standalone' && settings.redisNodes.length > 0 && url === undefined) {
    throw new OrchestratorError(
      'ORCHESTRATOR_INVALID_SETTING',
      'ORCHESTRATOR_REDIS_NODES needs ORCHESTRATOR_REDIS_MODE=sentinel or cluster. For a single server set ORCHESTRATOR_REDIS_URL.',
    );
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

function tlsOptions(settings: StoreSettings, wanted: boolean): ConnectionOptions | undefined {
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
    throw new OrchestratorError(
      'ORCHESTRATOR_INVALID_SETTING',
      `${setting}=${file} cannot be read: ${reason(error)}`,
      {
        cause: error,
      },
    );
  }
}
