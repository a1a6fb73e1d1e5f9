import type * as LocalStoreModule from './local/local-store.js';
import type * as MemoryStoreModule from './memory/memory-store.js';
import type { MetricStore, StoreContext } from './metric-store.js';
import type { RedisTarget } from './redis/connection/client.js';
import type * as RedisStoreModule from './redis/redis-store.js';

/** What the stores need besides the context. */
export interface StoreOptions {
  /** The directory of the local store, and with Redis of what waits for it. Default: a folder of this user in the system's folder for temporary files. */
  readonly directory?: string | undefined;
  /** Where Redis is. Called only to open that store; throws if the settings do not say it. */
  readonly redis: () => RedisTarget;
  /** Milliseconds that any one step may take before its outcome counts as unknown. */
  readonly timeoutMs: number;
}

/** Only processes that use a store pay for loading it. */
const localStore = (): typeof LocalStoreModule =>
  require('./local/local-store.js') as typeof LocalStoreModule;
const memoryStore = (): typeof MemoryStoreModule =>
  require('./memory/memory-store.js') as typeof MemoryStoreModule;
const redisStore = (): typeof RedisStoreModule =>
  require('./redis/redis-store.js') as typeof RedisStoreModule;

/** All stores by the name that the setting ORCHESTRATOR_STORE gives them. A new store is one line here. */
export const STORES = {
  redis: (context: StoreContext, { redis, timeoutMs, directory }: StoreOptions): MetricStore =>
    redisStore().createRedisStore(context, redis(), timeoutMs, directory),
  local: (context: StoreContext, options: StoreOptions): MetricStore =>
    localStore().createLocalStore(context, options),
  memory: (context: StoreContext): MetricStore => memoryStore().createMemoryStore(context),
};

export type StoreKind = keyof typeof STORES;

export const STORE_KINDS: readonly StoreKind[] = Object.keys(STORES) as StoreKind[];
