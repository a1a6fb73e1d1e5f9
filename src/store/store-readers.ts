import type * as LocalReaderModule from './local/reading/local-store-reader.js';
import type * as RedisReaderModule from './redis/redis-store-reader.js';
import type { StoreReader, StoreReaderContext } from './store-reader.js';
import type { StoreKind, StoreOptions } from './stores.js';

const localReader = (): typeof LocalReaderModule =>
  require('./local/reading/local-store-reader.js') as typeof LocalReaderModule;
const redisReader = (): typeof RedisReaderModule =>
  require('./redis/redis-store-reader.js') as typeof RedisReaderModule;

/** The stores that another process can read. Memory is not one of them. */
export const STORE_READERS = {
  redis: (context: StoreReaderContext, { redis, timeoutMs }: StoreOptions): StoreReader =>
    redisReader().createRedisStoreReader(context, redis(), timeoutMs),
  local: (context: StoreReaderContext, { directory }: StoreOptions): StoreReader =>
    localReader().createLocalStoreReader(context, directory),
};

/** False for a store that only its own process can read. */
export function isReadable(kind: StoreKind): kind is keyof typeof STORE_READERS {
  return Object.hasOwn(STORE_READERS, kind);
}
