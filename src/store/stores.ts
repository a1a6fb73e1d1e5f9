import { createLocalStore } from './local/local-store.js';
import { createMemoryStore } from './memory/memory-store.js';
import type { MetricStore, StoreContext } from './metric-store.js';
import type { RedisTarget } from './redis/connection/client.js';
import type * as RedisStoreModule from './redis/redis-store.js';

/** What the stores need besides the context. */
export interface StoreOptions {
  /** The directory of the local store. Default: a folder of this user in the system's folder for temporary files. */
  readonly directory?: string | undefined;
  /** Where Redis is. Called only to open that store; throws if the settings do not say it. */
  readonly redis: () => RedisTarget;
  /** Milliseconds that any one step may take before its outcome counts as unknown. */
  readonly timeoutMs: number;
}

/** All stores by the name that the setting ORCHESTRATOR_STORE gives them. A new store is one line here. */
export const STORES = {
  redis: (context: StoreContext, options: StoreOptions): MetricStore => openRedisStore(context, options),
  local: (context: StoreContext, options: StoreOptions): MetricStore => createLocalStore(context, options),
  memory: (context: StoreContext): MetricStore => createMemoryStore(context),
};

export type StoreKind = keyof typeof STORES;

export const STORE_KINDS: readonly StoreKind[] = Object.keys(STORES) as StoreKind[];

function openRedisStore(context: StoreContext, { redis, timeoutMs }: StoreOptions): MetricStore {
  // Only processes that use Redis pay for loading its client.
  const { createRedisStore } = require('./redis/redis-store.js') as typeof RedisStoreModule;
  return createRedisStore(context, redis(), timeoutMs);
}
