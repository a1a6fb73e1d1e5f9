import type { Meter } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

import { StoreMetricReader, type StoreMetricReaderOptions } from '../../src/reader/store-metric-reader.js';
import { createStore } from '../../src/start/open-store.js';
import type { StoreKind } from '../../src/store/stores.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { startRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import { Warnings } from '../helpers/warnings.js';
import { valuesOf } from './application.js';

export { STORE_KINDS } from '../../src/store/stores.js';

/** One process of a project on a store of some kind. It flushes when asked. */
export interface Process {
  readonly meter: Meter;
  readonly provider: MeterProvider;
  readonly reader: StoreMetricReader;
  readonly warnings: string[];
  /** Of the warnings. */
  readonly codes: readonly (string | undefined)[];
  readonly values: () => Promise<Record<string, Record<string, number[]>>>;
}

export type Open = (options?: Partial<StoreMetricReaderOptions>) => Process;

/** Processes of one project on an empty store of this kind; in memory each is alone. */
export async function projectOn(owner: Owner, kind: StoreKind): Promise<Open> {
  const where =
    kind === 'redis'
      ? { redisUrl: (await startRedis(owner)).url }
      : kind === 'local'
        ? { localDir: scratchDir(owner, 'local') }
        : {};
  return (options = {}) => {
    const { warn, messages: warnings, codes } = new Warnings();
    const reader = new StoreMetricReader({
      store: createStore({ store: kind, prefix: 'shop', ...where }, warn),
      exportIntervalMillis: 3_600_000,
      ...options,
    });
    const provider = new MeterProvider({ readers: [reader] });
    reader.guard(provider);
    onEnd(owner, () => provider.shutdown().catch(() => undefined));
    const values = async () => valuesOf(await reader.snapshot());
    return { meter: provider.getMeter('m'), provider, reader, warnings, codes, values };
  };
}
