import type { HrTime, Observable } from '@opentelemetry/api';
import type { IAttributesProcessor } from '@opentelemetry/sdk-metrics';

import { ObservationFilter, type Observation, type ObservationFilterOptions } from './observation-filter.js';

/**
 * The parts of the SDK's `AsyncMetricStorage` that are needed here: one aggregation of one observable instrument. They are internal
 * to the SDK, whose version is pinned; where they look different, everything is left as it is.
 */
interface AsyncStorage {
  record(observations: { entries(): Iterable<Observation> }, collection: HrTime): void;
  [PROCESSOR]: IAttributesProcessor | undefined;
  readonly [LIMIT]?: number | undefined;
}

const PROCESSOR = '_attributesProcessor';
const LIMIT = '_aggregationCardinalityLimit';

/** The SDK's own, where nobody says anything. */
const DEFAULT_LIMIT = 2000;

const guarded = new WeakSet<object>();

/**
 * Puts an {@link ObservationFilter} before each aggregation of an observable instrument: between what callbacks observe and what
 * the SDK makes of it there is no public place.
 */
export function guardObservable(
  observable: Observable,
  options: Omit<ObservationFilterOptions, 'maxSets' | 'view'>,
): void {
  const storages: unknown = Reflect.get(observable, '_metricStorages');
  if (!Array.isArray(storages)) return;
  for (const storage of storages) if (isAsyncStorage(storage)) guardStorage(storage, options);
}

function guardStorage(
  storage: AsyncStorage,
  options: Omit<ObservationFilterOptions, 'maxSets' | 'view'>,
): void {
  // Two instruments of one name share it.
  if (guarded.has(storage)) return;
  guarded.add(storage);
  const processor = storage[PROCESSOR];
  const limit = storage[LIMIT] ?? DEFAULT_LIMIT;
  const filter = new ObservationFilter({
    ...options,
    // The SDK keeps one place for the overflow.
    maxSets: limit - 1,
    view: processor === undefined ? undefined : (attributes) => processor.process(attributes),
  });
  storage[PROCESSOR] = undefined;
  const record = storage.record.bind(storage);
  storage.record = (observations, collection) => {
    const filtered = filter.filter(observations.entries(), collection);
    record({ entries: () => filtered }, collection);
  };
}

function isAsyncStorage(storage: unknown): storage is AsyncStorage {
  return (
    typeof storage === 'object' &&
    storage !== null &&
    '_deltaMetricStorage' in storage &&
    'record' in storage &&
    typeof storage.record === 'function' &&
    PROCESSOR in storage
  );
}
