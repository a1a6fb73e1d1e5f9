import {
  PeriodicExportingMetricReader,
  type CollectionResult,
  type MetricProducer,
  type MetricReader,
} from '@opentelemetry/sdk-metrics';

import { deadline } from '../event-loop/deadline.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import type { InstanceAggregation } from '../model/family.js';
import type { MetricStore } from '../store/metric-store.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Warn } from '../warnings.js';
import { StoreMetricExporter } from './store-metric-exporter.js';

/** How long a scrape waits for this process's own values, when the store or a callback of the application hangs. */
const OWN_FLUSH_MS = 1000;

export interface StoreMetricReaderOptions {
  /** Where this process is summed with the others; see `createStore`. The reader owns it and closes it at shutdown. */
  readonly store: MetricStore;
  /** Milliseconds between two flushes. Default 5000. */
  readonly exportIntervalMillis?: number;
  /** Milliseconds that a flush may take before the reader stops waiting for it. Default and maximum: the interval. */
  readonly exportTimeoutMillis?: number;
  /** How the values of one gauge in several processes become one answer. Default: `instance` for all. */
  readonly gaugeAggregation?: (name: string) => InstanceAggregation;
  /** Series per metric that may wait in memory while the store is away. Default 2000. */
  readonly maxSeries?: number;
  /** Milliseconds after which an unchanged counter is written again; less than the store's time to live. Default 60000. */
  readonly refreshMs?: number;
  /** Further sources of metrics, which must hand over deltas of counters and histograms. Default none. */
  readonly metricProducers?: readonly MetricProducer[];
  /** Told in one line when the store goes away, comes back, or something had to be dropped. Default: silent. */
  readonly warn?: Warn;
}

/**
 * A metric reader for any `MeterProvider` that adds what it collects to a store shared by many processes. Counters and
 * histograms are collected as deltas, everything else as it stands.
 *
 * ```ts
 * const reader = new StoreMetricReader({ store: createStore({ … }) });
 * const provider = new MeterProvider({ readers: [reader] });
 * const snapshot = await reader.snapshot(); // the sum of all processes
 * ```
 */
export class StoreMetricReader extends PeriodicExportingMetricReader {
  readonly exporter: StoreMetricExporter;
  readonly #store: MetricStore;

  constructor(options: StoreMetricReaderOptions) {
    const interval = options.exportIntervalMillis ?? 5000;
    const exporter = new StoreMetricExporter({
      store: options.store,
      gaugeAggregation: options.gaugeAggregation ?? (() => 'instance'),
      maxSeries: options.maxSeries ?? 2000,
      refreshMs: options.refreshMs,
      warn: options.warn ?? (() => undefined),
    });
    super({
      exporter,
      metricProducers: [...(options.metricProducers ?? [])],
      exportIntervalMillis: interval,
      exportTimeoutMillis: Math.min(options.exportTimeoutMillis ?? interval, interval),
    });
    this.exporter = exporter;
    this.#store = options.store;
  }

  /** The sum of all processes of the project, this one flushed first. Rejects when the store cannot be read. */
  async snapshot(): Promise<Snapshot> {
    // What this process could not write in time is written later; the others' numbers are worth showing all the same.
    await deadline(this.forceFlush(), OWN_FLUSH_MS, () => new Error('late')).catch(() => undefined);
    return this.#store.snapshot();
  }

  /**
   * The base class exports nothing when nothing was measured. A process is alive all the same, and what it could not send
   * before still waits.
   */
  override async collect(options?: Parameters<MetricReader['collect']>[0]): Promise<CollectionResult> {
    const result = await super.collect(options);
    const { scopeMetrics, resource } = result.resourceMetrics;
    if (scopeMetrics.length === 0 && resource.asyncAttributesPending !== true)
      this.exporter.export(result.resourceMetrics, () => undefined);
    return result;
  }

  /** Ends with the store closed even when the last flush fails; what is lost then is said by the exporter. */
  protected override async onShutdown(): Promise<void> {
    await keepAlive(super.onShutdown().catch(() => this.exporter.shutdown()));
  }
}
