import {
  processEnvironment,
  readSettings,
  sanitizePrefix,
  type SettingOptions,
  type Settings,
} from '../config/settings.js';
import { reason } from '../errors.js';
import { createLocalStore } from '../store/local/local-store.js';
import { createMemoryStore } from '../store/memory/memory-store.js';
import type * as RedisStoreModule from '../store/redis/redis-store.js';
import { type Identity, identityOf, mainScript } from './identity.js';
import { redisTarget, type RedisSettings } from './redis-target.js';
import type { MetricStore, StoreContext } from '../store/metric-store.js';

/** A step of the store, and so a flush, that takes longer counts as failed; its outcome is then unknown. */
const MAX_STORE_TIMEOUT_MS = 5000;

/** An instance that was not heard of for three intervals is dead; a stalled event loop is given some seconds. */
const MIN_LEASE_MS = 10_000;

/** How long an instance counts as alive after its last flush. */
export function leaseMsOf({ metricExportInterval }: Settings): number {
  return Math.max(3 * metricExportInterval, MIN_LEASE_MS);
}

/** The store of the settings, for one instance. */
export function openStore(
  settings: Settings,
  identity: Identity,
  warn: (message: string) => void,
): MetricStore {
  return storeOf(settings, contextOf(settings, identity, warn), storeTimeoutMs(settings));
}

function contextOf(settings: Settings, identity: Identity, warn: (message: string) => void): StoreContext {
  return {
    ...identity,
    leaseMs: leaseMsOf(settings),
    ttlMs: settings.metricsTtl * 1000,
    maxSeries: settings.maxSeries,
    warn,
  };
}

function storeTimeoutMs({ metricExportTimeout }: Settings): number {
  return Math.min(metricExportTimeout, MAX_STORE_TIMEOUT_MS);
}

/** What decides which store is opened. */
export type StoreSettings = Pick<Settings, 'store' | 'localDir'> & RedisSettings;

/**
 * Opens the store that the settings ask for: Redis if one is configured, else files that the processes of this host share,
 * and if those cannot be had this process's memory.
 */
export function storeOf(settings: StoreSettings, context: StoreContext, timeoutMs: number): MetricStore {
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

type Warn = (message: string) => void;

/**
 * Opens a store for a `StoreMetricReader` in a MeterProvider of your own. Options and environment are those of `start()`:
 * Redis if one is configured, else the local store of this host.
 *
 * @example
 * ```ts
 * const store = createStore({ prefix: 'shop', redisUrl: 'redis://127.0.0.1:6379' }, (message) => process.emitWarning(message));
 * ```
 *
 * @param warn told in one line when a setting is invalid or the store is in trouble; a reader of this store that has no `warn`
 * of its own uses it too. Default: silent
 * @throws ORCHESTRATOR_INVALID_SETTING for an invalid option
 */
export function createStore(options?: SettingOptions, warn?: Warn): MetricStore;
/**
 * The form that the documentation of 0.1.0 showed.
 *
 * @param context wins over options and environment
 * @param timeoutMs milliseconds after which a step of the store counts as failed. Default: as for `start()`
 */
export function createStore(
  options: SettingOptions,
  context: Partial<StoreContext>,
  timeoutMs?: number,
): MetricStore;
export function createStore(
  options: SettingOptions = {},
  second: Warn | Partial<StoreContext> = {},
  timeoutMs?: number,
): MetricStore {
  const given = typeof second === 'function' ? { warn: second } : second;
  const { warn = () => undefined, prefix } = given;
  const environment = processEnvironment();
  const named = prefix === undefined ? options : { ...options, prefix: given.project ?? prefix };
  const settings = readSettings(environment, named, warn);
  const context: StoreContext = {
    ...contextOf(settings, identityOf(settings, mainScript(environment)), warn),
    ...given,
    ...(prefix !== undefined && { prefix: sanitizePrefix(prefix) }),
  };
  return Object.assign(storeOf(settings, context, timeoutMs ?? storeTimeoutMs(settings)), { warn });
}
