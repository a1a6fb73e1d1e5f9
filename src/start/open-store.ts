import { processEnvironment } from '../config/environment.js';
import { sanitizePrefix } from '../config/prefix.js';
import { readSettings } from '../config/read-settings.js';
import type { SettingOptions } from '../config/setting-options.js';
import type { Settings } from '../config/settings.js';
import { type Identity, identityOf } from './identity/identity.js';
import { mainFile } from './identity/main-file.js';
import { isRedisConfigured, redisTarget, type RedisSettings } from './redis-target.js';
import { shownAs } from '../prometheus/shown-as.js';
import type { MetricStore, StoreContext } from '../store/metric-store.js';
import { STORES } from '../store/stores.js';
import { type Warn, warning } from '../warnings.js';

/** A step of the store, and so a flush, that takes longer counts as failed; its outcome is then unknown. */
const MAX_STORE_TIMEOUT_MS = 5000;

/** An instance that was not heard of for three intervals is dead; a stalled event loop is given some seconds. */
const MIN_LEASE_MS = 10_000;

/** How long an instance counts as alive after its last flush. */
export function leaseMsOf({ metricExportInterval }: Settings): number {
  return Math.max(3 * metricExportInterval, MIN_LEASE_MS);
}

/** The store of the settings, for one instance. */
export function openStore(settings: Settings, identity: Identity, warn: Warn): MetricStore {
  return storeOf(settings, contextOf(settings, identity, warn), storeTimeoutMs(settings));
}

function contextOf(settings: Settings, identity: Identity, warn: Warn): StoreContext {
  return {
    ...identity,
    leaseMs: leaseMsOf(settings),
    ttlMs: settings.metricsTtl * 1000,
    maxSeries: settings.maxSeries,
    shownAs: shownAs(settings),
    warn,
  };
}

function storeTimeoutMs({ metricExportTimeout }: Settings): number {
  return Math.min(metricExportTimeout, MAX_STORE_TIMEOUT_MS);
}

/** The settings that choose the store. */
export type StoreSettings = Pick<Settings, 'store' | 'localDir'> & RedisSettings;

/** The store that the settings ask for. */
export function storeKindOf(settings: StoreSettings): NonNullable<Settings['store']> {
  return settings.store ?? (isRedisConfigured(settings) ? 'redis' : 'local');
}

/**
 * Opens the store that the settings ask for: Redis if one is configured, else files that the processes of this host share.
 * If those cannot be used, the memory of this process.
 */
export function storeOf(settings: StoreSettings, context: StoreContext, timeoutMs: number): MetricStore {
  const kind = storeKindOf(settings);
  const options = {
    directory: settings.localDir,
    redis: () => redisTarget(settings, context.warn),
    timeoutMs,
  };
  if (kind !== 'local') return STORES[kind](context, options);
  try {
    return STORES.local(context, options);
  } catch (error) {
    context.warn(...warning('ORCHESTRATOR_MEMORY_STORE', { error }));
    return STORES.memory(context);
  }
}

/**
 * Opens a store for a {@link StoreMetricReader} in a MeterProvider of your own. Options and environment are those of
 * `start()`: Redis if one is configured, else the local store of this host. The reader closes it when its MeterProvider is
 * shut down.
 *
 * @example
 * ```ts
 * const store = createStore({ prefix: 'shop' }, (message) => process.emitWarning(message));
 * const provider = new MeterProvider({ readers: [new StoreMetricReader({ store })] });
 * ```
 *
 * @param options settings by name, as for `start()`; those that do not concern a store are ignored
 * @param warn is called with one line when a setting is invalid or the store is in trouble; a reader of this store that has no
 * `warn` of its own uses it too. Default: silent
 * @throws ORCHESTRATOR_INVALID_SETTING for an option that is not allowed
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
    ...contextOf(settings, identityOf(settings, mainFile(environment), warn), warn),
    ...given,
    ...(prefix !== undefined && { prefix: sanitizePrefix(prefix) }),
  };
  return Object.assign(storeOf(settings, context, timeoutMs ?? storeTimeoutMs(settings)), { warn });
}
