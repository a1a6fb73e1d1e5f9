import { randomUUID } from 'node:crypto';

import {
  processEnvironment,
  readSettings,
  sanitizePrefix,
  type Environment,
  type SettingOptions,
  type Settings,
} from '../config/settings.js';
import { serviceNameOf } from './resource.js';
import { createStore as createStoreOf } from './create-store.js';
import type { MetricStore, StoreContext } from '../store/metric-store.js';

/** A step of the store, and so a flush, that takes longer counts as failed; its outcome is then unknown. */
const MAX_STORE_TIMEOUT_MS = 5000;

/** An instance that was not heard of for three intervals is dead; a stalled event loop is given some seconds. */
const MIN_LEASE_MS = 10_000;

export type Identity = Pick<StoreContext, 'prefix' | 'project' | 'lease'>;

/** How long an instance counts as alive after its last flush. */
export function leaseMsOf({ metricExportInterval }: Settings): number {
  return Math.max(3 * metricExportInterval, MIN_LEASE_MS);
}

/** The application's main file. Under PM2 in cluster mode `argv` names PM2's own. */
export function mainScript(environment: Environment): string | undefined {
  return environment['pm_exec_path'] ?? process.argv[1];
}

/** The store of the settings, for one instance. */
export function openStore(
  settings: Settings,
  identity: Identity,
  warn: (message: string) => void,
): MetricStore {
  const context: StoreContext = {
    ...identity,
    leaseMs: leaseMsOf(settings),
    ttlMs: settings.metricsTtl * 1000,
    maxSeries: settings.maxSeries,
    warn,
  };
  return createStoreOf(settings, context, Math.min(settings.metricExportTimeout, MAX_STORE_TIMEOUT_MS));
}

/** Who the settings say that this process is; `main`: the application's main file. */
export function identityOf(
  settings: Settings,
  main: string | undefined,
): Identity & { readonly serviceName: string } {
  const serviceName = serviceNameOf(settings.serviceName, main);
  const project = settings.prefix ?? serviceName;
  return { serviceName, project, prefix: sanitizePrefix(project), lease: randomUUID() };
}

/**
 * Opens a store for a {@link RedisMetricReader} in a MeterProvider of your own. Options and environment are those of
 * `start()`: Redis if one is configured, else the local store of this host.
 *
 * @param warn told in one line when a setting is invalid or the store is in trouble; default silent
 * @throws ORCHESTRATOR_INVALID_SETTING for an invalid option
 */
export function createStore(
  options: SettingOptions = {},
  warn: (message: string) => void = () => undefined,
): MetricStore {
  const environment = processEnvironment();
  const settings = readSettings(environment, options, warn);
  return openStore(settings, identityOf(settings, mainScript(environment)), warn);
}
