import type { Owner } from '../helpers/owner.js';
import { startRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';

/** The stores that sum several processes: what holds on one of them holds on the other, unchanged. */
export const SHARED_STORES = ['redis', 'local'] as const;

export type SharedStore = (typeof SHARED_STORES)[number];

/** The settings that put a process on a new, empty store of this kind; gone when its owner ends. */
export async function newStore(owner: Owner, store: SharedStore): Promise<Record<string, string>> {
  if (store === 'redis') return { ORCHESTRATOR_REDIS_URL: (await startRedis(owner)).url };
  // `ORCHESTRATOR_STORE` stays unset: without a Redis the local store is the default.
  return { ORCHESTRATOR_LOCAL_DIR: scratchDir(owner, 'local') };
}
