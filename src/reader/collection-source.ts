import type { HrTime } from '@opentelemetry/api';
import type {
  CollectionResult,
  MetricData,
  MetricProducer,
  ResourceMetrics,
  ScopeMetrics,
} from '@opentelemetry/sdk-metrics';

import type { SynchronousProducer } from '../instrumentation/meter/aggregating-meter.js';

type CollectOptions = Parameters<MetricProducer['collect']>[0];

/**
 * The parts of the SDK's `MetricCollector` that are needed here; alike in 2.12 and 3.1. They are internal to the SDK, whose
 * version is pinned; where they look different, {@link CollectionSource} does without.
 */
interface SdkCollector extends MetricProducer {
  readonly [STATE]: {
    readonly resource: ResourceMetrics['resource'];
    readonly meterSharedStates: ReadonlyMap<string, SdkMeter>;
  };
}

interface SdkMeter {
  readonly [SCOPE]: ScopeMetrics['scope'];
  readonly observableRegistry: {
    /** Calls the callbacks of all observable instruments; resolves with what went wrong. */
    observe(time: HrTime, timeoutMillis?: number): Promise<unknown[]>;
  };
  readonly metricStorageRegistry: {
    getStorages(collector: MetricProducer): ReadonlyArray<{
      collect(collector: MetricProducer, time: HrTime): MetricData | undefined;
    }>;
  };
}

const STATE = '_sharedState';
const SCOPE = '_instrumentationScope';

/**
 * Where a reader gets its metrics from: the SDK, and producers beside it. The SDK's own collection takes what was added from
 * one meter after the other, and hands all of it over when the last callback has answered: a process that exits meanwhile
 * would lose it. Here the callbacks come first. Then everything is taken and handed over in one step, in which nothing waits.
 */
export class CollectionSource implements MetricProducer {
  /** The collection that was begun last. */
  latest: Promise<CollectionResult> | undefined;
  readonly #sdk: MetricProducer;
  #resource: ResourceMetrics['resource'] | undefined;
  readonly #own: readonly SynchronousProducer[];
  readonly #others: readonly MetricProducer[];
  readonly #taken: (metrics: ResourceMetrics) => void;

  /** @param taken is told of each collection in the step in which it is taken */
  constructor(
    sdk: MetricProducer,
    producers: readonly MetricProducer[],
    taken: (metrics: ResourceMetrics) => void,
  ) {
    this.#sdk = sdk;
    this.#own = producers.filter(isSynchronous);
    this.#others = producers.filter((producer) => !isSynchronous(producer));
    this.#taken = taken;
  }

  collect(options?: CollectOptions): Promise<CollectionResult> {
    const collection = this.#collect(options);
    this.latest = collection;
    return collection;
  }

  /**
   * What was added since the last collection, at once and without a callback of the application: observable instruments are
   * left out. Of an SDK that looks different only what the producers of this package have.
   */
  collectNow(): ResourceMetrics | undefined {
    const collector = this.#collector();
    const resource = collector?.[STATE].resource ?? this.#resource;
    if (resource === undefined) return undefined;
    return { resource, scopeMetrics: [...takeSdk(collector), ...this.#takeOwn()] };
  }

  async #collect(options: CollectOptions): Promise<CollectionResult> {
    const collector = this.#collector();
    const others = collector === undefined ? [this.#sdk, ...this.#others] : this.#others;
    const [errors, results] = await Promise.all([
      observe(collector, options?.timeoutMillis),
      Promise.all(others.map((producer) => producer.collect(options))),
    ]);
    const resource = collector?.[STATE].resource ?? results[0]?.resourceMetrics.resource;
    if (resource === undefined) throw new Error('The SDK has handed over no resource.');
    this.#resource = resource;
    const resourceMetrics = {
      resource,
      scopeMetrics: [
        ...takeSdk(collector),
        ...results.flatMap((result) => result.resourceMetrics.scopeMetrics),
        ...this.#takeOwn(),
      ],
    };
    this.#taken(resourceMetrics);
    return { resourceMetrics, errors: [...errors, ...results.flatMap((result) => result.errors)] };
  }

  /** Undefined for an SDK that looks different. */
  #collector(): SdkCollector | undefined {
    return isSdkCollector(this.#sdk) ? this.#sdk : undefined;
  }

  #takeOwn(): ScopeMetrics[] {
    return this.#own.flatMap((producer) => producer.collectNow());
  }
}

async function observe(
  collector: SdkCollector | undefined,
  timeoutMillis: number | undefined,
): Promise<unknown[]> {
  const time = now();
  const errors = await Promise.all(
    metersOf(collector).map(({ observableRegistry }) => observableRegistry.observe(time, timeoutMillis)),
  );
  return errors.flat();
}

function takeSdk(collector: SdkCollector | undefined): ScopeMetrics[] {
  if (collector === undefined) return [];
  const time = now();
  const all: ScopeMetrics[] = [];
  for (const { [SCOPE]: scope, metricStorageRegistry } of metersOf(collector)) {
    const metrics: MetricData[] = [];
    for (const storage of metricStorageRegistry.getStorages(collector)) {
      const metric = storage.collect(collector, time);
      if (metric !== undefined) metrics.push(metric);
    }
    if (metrics.length > 0) all.push({ scope, metrics });
  }
  return all;
}

function metersOf(collector: SdkCollector | undefined): SdkMeter[] {
  return [...(collector?.[STATE].meterSharedStates.values() ?? [])];
}

function isSynchronous(producer: MetricProducer): producer is SynchronousProducer {
  return 'collectNow' in producer;
}

function isSdkCollector(producer: MetricProducer): producer is SdkCollector {
  const state: unknown = Reflect.get(producer, STATE);
  if (!isObject(state) || !isObject(Reflect.get(state, 'resource'))) return false;
  const meters: unknown = Reflect.get(state, 'meterSharedStates');
  return meters instanceof Map && [...meters.values()].every(isSdkMeter);
}

function isSdkMeter(meter: unknown): meter is SdkMeter {
  return (
    isObject(meter) &&
    isObject(Reflect.get(meter, SCOPE)) &&
    hasMethod(Reflect.get(meter, 'observableRegistry'), 'observe') &&
    hasMethod(Reflect.get(meter, 'metricStorageRegistry'), 'getStorages')
  );
}

function hasMethod(value: unknown, name: string): boolean {
  return isObject(value) && typeof Reflect.get(value, name) === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function now(): HrTime {
  const ms = Date.now();
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
}
