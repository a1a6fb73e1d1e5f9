import type { MeterProvider } from '@opentelemetry/api';
import {
  PeriodicExportingMetricReader,
  type CollectionResult,
  type MetricProducer,
  type MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { deadline } from '../event-loop/deadline.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import type { MetricStore } from '../store/metric-store.js';
import type { Snapshot } from '../model/snapshot.js';
import { guardInstruments, type GuardOptions } from '../instrumentation/meter/guard-instruments.js';
import { CollectionSource } from './collection-source.js';
import { LossCounter } from './losses.js';
import { StoreMetricExporter, type StoreMetricExporterOptions } from './store-metric-exporter.js';

/** How long a scrape waits for this process's own values, when the store or a callback of the application hangs. */
const OWN_FLUSH_MS = 1000;

const DEFAULT_INTERVAL_MS = 5000;

/** Options of {@link StoreMetricReader}. */
export interface StoreMetricReaderOptions extends StoreMetricExporterOptions {
  /** Milliseconds between two flushes. Default 5000. */
  readonly exportIntervalMillis?: number | undefined;
  /** Milliseconds that a flush may take before the reader stops waiting for it. Default and maximum: the interval. */
  readonly exportTimeoutMillis?: number | undefined;
  /** Further sources of metrics, which must hand over deltas of counters and histograms. Default: none. */
  readonly metricProducers?: readonly MetricProducer[] | undefined;
  /** Whether `forceFlush()` and `snapshot()` keep the process alive until they are settled. Default true. */
  readonly keepProcessAlive?: boolean | undefined;
}

/**
 * A metric reader for a `MeterProvider` of your own. It adds what it collects to a store that many processes share: counters and
 * histograms as deltas, everything else as it stands. It flushes at every interval, at `forceFlush()` and at `shutdown()`. Its timer
 * does not keep the process alive.
 *
 * Under the preload or `start()` there is one already.
 *
 * @example
 * ```ts
 * const reader = new StoreMetricReader({ store: createStore({ prefix: 'shop' }) });
 * const provider = new MeterProvider({ readers: [reader] });
 * provider.getMeter('shop').createCounter('orders').add(1);
 * const snapshot = await reader.snapshot(); // the sum of all processes
 * ```
 */
export class StoreMetricReader extends PeriodicExportingMetricReader {
  /** Writes to the store; tells whether the store answers and what waits. */
  readonly exporter: StoreMetricExporter;
  readonly #store: MetricStore;
  readonly #keepsAlive: boolean;
  readonly #guardOptions: GuardOptions;
  readonly #producers: readonly MetricProducer[];
  #source: CollectionSource | undefined;
  /** Collections whose resource is not complete yet. */
  #incomplete: ResourceMetrics[] = [];

  /** @throws Error of the SDK for an interval or timeout that is not above 0 */
  constructor({
    store,
    exportIntervalMillis: interval = DEFAULT_INTERVAL_MS,
    exportTimeoutMillis: timeout = interval,
    metricProducers = [],
    keepProcessAlive = true,
    warn = store.warn ?? (() => undefined),
    losses = new LossCounter(warn),
    ...options
  }: StoreMetricReaderOptions) {
    const exporter = new StoreMetricExporter({ store, warn, losses, ...options });
    super({
      exporter,
      exportIntervalMillis: interval,
      exportTimeoutMillis: Math.min(timeout, interval),
      // As many as are kept apart, and the SDK's own overflow.
      cardinalityLimits: { default: exporter.maxSeries + 1 },
    });
    this.exporter = exporter;
    this.#store = store;
    this.#producers = metricProducers;
    this.#keepsAlive = keepProcessAlive;
    const { maxLabelLength, gaugeAggregation } = options;
    this.#guardOptions = { maxLabelLength, gaugeAggregation, losses };
  }

  /**
   * Keeps out of the SDK what would cost more than itself: NaN and infinity in counters and histograms, long labels, boundaries that
   * no histogram can have. Observable counters whose attributes a view drops are summed. Histograms in seconds or bytes that name no
   * boundaries get some that fit. Call it before you ask for meters; it changes `provider` in place.
   *
   * @example
   * ```ts
   * reader.guard(provider);
   * ```
   */
  guard(provider: MeterProvider): void {
    guardInstruments(provider, this.#guardOptions);
  }

  /**
   * The sum of all processes of the project. This process is flushed first, for at most a second. `Exposition` makes Prometheus'
   * text of it.
   *
   * @throws the reason why the store cannot be read: an `OrchestratorError` with the code `ORCHESTRATOR_STORE_UNAVAILABLE`,
   * `ORCHESTRATOR_STORE_REFUSED`, `ORCHESTRATOR_PREFIX_TAKEN` or another one of docs/errors.md
   */
  snapshot(): Promise<Snapshot> {
    return this.#held(this.#snapshot());
  }

  async #snapshot(): Promise<Snapshot> {
    // What this process could not write in time is written later; the others' numbers are worth showing all the same.
    await deadline(this.forceFlush(), OWN_FLUSH_MS, () => new Error('late')).catch(() => undefined);
    return this.#store.snapshot();
  }

  /** Called by the MeterProvider. */
  override setMetricProducer(sdk: MetricProducer): void {
    this.#source = new CollectionSource(sdk, this.#producers, (metrics) => this.#take(metrics));
    super.setMetricProducer(this.#source);
  }

  /**
   * What is collected is taken over at once: it was added since the last collection, and would be lost with an application that
   * collects by itself. The base class exports nothing when nothing was measured; a process is alive all the same, and what it
   * could not send before still waits.
   */
  override async collect(options?: Parameters<MetricReader['collect']>[0]): Promise<CollectionResult> {
    const result = super.collect(options);
    // Begun by the line above. The exporter knows a collection again by its object, and the base class makes another one.
    const collection = this.#source?.latest;
    const { errors } = await result;
    return collection === undefined ? result : { ...(await collection), errors };
  }

  /** Begins to send what was added until now, without calling a callback of the application. For a process that has no time. */
  flushNow(): void {
    const last = this.#source?.collectNow();
    for (const metrics of this.#incomplete) this.exporter.accept(metrics, false);
    this.#incomplete = [];
    if (last !== undefined) this.exporter.accept(last, false);
  }

  /**
   * For the `exit` event of a process, in which nothing asynchronous happens any more: collects once more, without calling a
   * callback of the application, and hands everything over to the store. Synchronous; observable instruments keep the values
   * that they had. The store may have been left to another process, or a file, for the rest: see `MetricStore.finish`.
   *
   * @param waitMs milliseconds that the store may take
   */
  finish(waitMs: number): void {
    const last = this.#source?.collectNow();
    this.exporter.finish([...this.#incomplete, ...(last === undefined ? [] : [last])], waitMs);
  }

  #take(metrics: ResourceMetrics): void {
    if (metrics.resource.asyncAttributesPending === true) {
      this.#incomplete.push(metrics);
      return;
    }
    this.#incomplete = [];
    this.exporter.accept(metrics);
  }

  protected override onForceFlush(): Promise<void> {
    return this.#held(super.onForceFlush());
  }

  /** Ends with the store closed even when the last flush fails; the exporter says what is lost then. */
  protected override async onShutdown(): Promise<void> {
    await keepAlive(super.onShutdown().catch(() => this.exporter.shutdown()));
  }

  #held<T>(work: Promise<T>): Promise<T> {
    return this.#keepsAlive ? keepAlive(work) : work;
  }
}
