import { randomUUID } from 'node:crypto';

import { shownAs } from '../../prometheus/shown-as.js';
import type { MetricStore } from '../../store/metric-store.js';
import type { ProjectName } from '../../store/store-reader.js';
import { STORES } from '../../store/stores.js';
import type { Call } from '../command.js';
import { storeKind, storeOptions, warnOn } from './open-reader.js';

/** No command begins a lease; a store wants to know how long one would be. */
const LEASE_MS = 10_000;

/** Opens the store of a project for a command that changes something in it, and closes it when the work is done. */
export async function withStore<T>(
  call: Pick<Call, 'settings' | 'terminal'>,
  name: ProjectName,
  work: (store: MetricStore) => Promise<T>,
): Promise<T> {
  const { settings } = call;
  const warn = warnOn(call);
  const context = {
    ...name,
    lease: randomUUID(),
    leaseMs: LEASE_MS,
    ttlMs: settings.metricsTtl * 1000,
    maxSeries: settings.maxSeries,
    shownAs: shownAs(settings),
    warn,
  };
  const store = STORES[storeKind(settings)](context, storeOptions(settings, warn));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
