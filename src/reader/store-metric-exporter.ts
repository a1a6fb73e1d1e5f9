import { performance } from 'node:perf_hooks';

import {
  AggregationTemporality,
  type InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { orchestratorError } from '../errors.js';
import { DEFAULT_MAX_SERIES } from '../model/series.js';
import { DEFAULT_MAX_LABEL_LENGTH } from '../model/shorten.js';
import type { MetricStore } from '../store/metric-store.js';
import { type Warn, warning } from '../warnings.js';
import { REFRESH_MS } from './delta-accumulator.js';
import type { FlushReport } from './flush-report.js';
import type { ModeOf } from './gauge-aggregation.js';
import { LossCounter } from './losses.js';
import { OutageLog } from './outage-log.js';
import { PendingBatches } from './pending-batches.js';

/** Options of {@link StoreMetricExporter}. */
export interface StoreMetricExporterOptions {
  /** Where this process is summed with the others; see `createStore`. The exporter owns it and closes it at shutdown. */
  readonly store: MetricStore;
  /**
   * How the values of one gauge in several processes become one answer, by its OpenTelemetry name and the name of its meter; for
   * `shared`, those of observable counters and up-down counters too. Default: `instance` for all.
   */
  readonly gaugeAggregation?: ModeOf | undefined;
  /** Series of one metric that this process keeps apart; what exceeds them is summed into one. Default 2000. */
  readonly maxSeries?: number | undefined;
  /** Characters that a label value, an attribute key or a name may have; what is longer is cut, with a hash. Default 1024. */
  readonly maxLabelLength?: number | undefined;
  /** Milliseconds after which an unchanged counter is written again; less than the store's time to live. Default 60000. */
  readonly refreshMs?: number | undefined;
  /** Resource attributes that become attributes of every series of this process, by key. Default: none. */
  readonly resourceLabels?: ((key: string) => boolean) | undefined;
  /** Told in one line when the store goes away, comes back, or something had to be dropped. Default: that of `createStore`, else silent. */
  readonly warn?: Warn | undefined;
  /** Counts what could not be kept, here and in front of the SDK. Default: a counter of its own. */
  readonly losses?: LossCounter | undefined;
}

/**
 * Writes what the SDK collected to a store. It takes ownership at once: a collection is merged into what waits, and leaves
 * it only with a batch that the store has confirmed. A batch of unknown outcome is sent again unchanged until it is
 * confirmed; what is collected meanwhile waits for the next one. One attempt is under way at any time.
 *
 * {@link StoreMetricReader} brings one with it. Use it by itself where you need a reader of your own; that reader must take
 * the temporality from the exporter, as `PeriodicExportingMetricReader` does.
 *
 * @example
 * ```ts
 * const exporter = new StoreMetricExporter({ store: createStore({ prefix: 'shop' }) });
 * const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 5000 });
 * ```
 */
export class StoreMetricExporter implements PushMetricExporter {
  /** Called after each attempt to write. Default: nothing. */
  onFlush: (report: FlushReport) => void = () => undefined;
  /** Series that each metric may have in the store. */
  readonly maxSeries: number;
  /** Entries of the store that could not be read so far. */
  readonly unreadableEntries: () => number;

  readonly #store: MetricStore;
  readonly #outage: OutageLog;
  readonly #warn: Warn;
  readonly #losses: LossCounter;
  readonly #pending: PendingBatches;
  readonly #accepted = new WeakSet<ResourceMetrics>();
  #running: Promise<boolean> | undefined;
  #flushMark: number | undefined;
  #closed = false;
  #lossesReported = false;

  constructor({
    store,
    gaugeAggregation = () => 'instance',
    maxSeries = DEFAULT_MAX_SERIES,
    maxLabelLength = DEFAULT_MAX_LABEL_LENGTH,
    refreshMs = REFRESH_MS,
    resourceLabels = () => false,
    warn = store.warn ?? (() => undefined),
    losses = new LossCounter(warn),
  }: StoreMetricExporterOptions) {
    this.maxSeries = maxSeries;
    this.#store = store;
    this.unreadableEntries = () => store.unreadable ?? 0;
    this.#warn = warn;
    this.#outage = new OutageLog(store.description, warn);
    this.#losses = losses;
    const limits = { maxSeries, maxLabelLength };
    this.#pending = new PendingBatches({ ...limits, gaugeAggregation, refreshMs, resourceLabels, losses });
  }

  /** The reason why the last attempt failed; undefined while the store answers. */
  get lastError(): unknown {
    return this.#outage.error;
  }

  /** Milliseconds since the store last confirmed a batch; undefined before the first. */
  get millisecondsSinceFlush(): number | undefined {
    return this.#flushMark === undefined ? undefined : performance.now() - this.#flushMark;
  }

  /** Number of series whose additions the store has not confirmed. */
  get pendingSeries(): number {
    return this.#pending.series;
  }

  /**
   * Everything as what was added since the last collection. The store sums counters and histograms. Of the rest, the accumulator
   * keeps what stands: in the SDK it would be kept for ever, whatever the number of attribute sets, and one NaN with it. Observable
   * instruments report only what the last callback did, so that a vanished attribute set leaves (SDK specification,
   * asynchronous instruments).
   */
  selectAggregationTemporality(_type: InstrumentType): AggregationTemporality {
    return AggregationTemporality.DELTA;
  }

  /**
   * Reports success at once: from here on the data are kept until the store confirms them. Waiting for that would keep the
   * process alive with the SDK's timer. {@link StoreMetricExporter.forceFlush} tells whether the data have arrived; an outage is reported once, not
   * at every interval.
   */
  export(metrics: ResourceMetrics, done: (result: { code: number }) => void): void {
    this.accept(metrics);
    // `ExportResultCode.SUCCESS` of @opentelemetry/core, which is not a dependency of ours.
    done({ code: 0 });
  }

  /**
   * Takes one collection over, once, however often it is handed over; and begins to write it.
   *
   * @param observed false: no callback was called for it, and what they last observed goes on
   */
  accept(metrics: ResourceMetrics, observed = true): void {
    if (this.#accepted.has(metrics)) return;
    this.#accepted.add(metrics);
    this.#pending.add(metrics, performance.now(), observed);
    void this.#flush();
  }

  /** Resolves when the store has confirmed everything collected so far; rejects with the reason when it has not. */
  async forceFlush(): Promise<void> {
    // An attempt that ends may be followed at once by one for what came in its last moment.
    while (this.#running !== undefined) await this.#running;
    if (this.#outage.error !== undefined) throw this.#outage.error;
  }

  /** Ends this instance's lease and closes the store. What the store has not confirmed by then is lost, and said. */
  async shutdown(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    this.reportLosses();
    try {
      if (this.#outage.error === undefined) await this.#store.endLease();
    } finally {
      await this.#store.close();
    }
  }

  /**
   * For the very end of a process: says, once, how many series have values that the store has not confirmed. Synchronous, so
   * that it works in an `exit` listener.
   *
   * @returns that number; 0 when everything has arrived
   */
  reportLosses(error: unknown = this.#outage.error ?? 'it has not answered yet.'): number {
    const lost = this.#pending.series + this.#pending.keptValues;
    if (lost === 0 || this.#lossesReported) return lost;
    this.#lossesReported = true;
    this.#warn(...warning('ORCHESTRATOR_METRICS_LOST', { series: lost, error }));
    return lost;
  }

  /**
   * For the `exit` event of a process: hands over to the store what it has not confirmed, together with these last collections, and
   * ends the lease. Synchronous. What cannot be handed over is said.
   *
   * @param last without observable instruments
   * @param waitMs milliseconds that it may take
   */
  finish(last: readonly ResourceMetrics[], waitMs: number): void {
    if (this.#closed) return;
    for (const metrics of last) {
      if (this.#accepted.has(metrics)) continue;
      this.#accepted.add(metrics);
      this.#pending.add(metrics, performance.now(), false);
    }
    const batches = [...this.#pending.all()];
    const { isWorthWaiting } = this.#pending;
    try {
      const outcome = this.#store.finish?.({ batches, waitMs, isWorthWaiting });
      const newest = batches.at(-1);
      if (outcome === 'stored' && newest !== undefined) this.#pending.confirm(newest);
      if (outcome === undefined && this.#outage.error !== undefined) this.reportLosses();
    } catch (error) {
      this.reportLosses(error);
    }
  }

  /** Ends the lease without closing; the next flush begins it again. For a process that is about to end. */
  async endLease(): Promise<void> {
    await this.#running;
    if (this.#outage.error === undefined) await this.#store.endLease();
  }

  /** Never rejects. An attempt under way takes along what came meanwhile; when it fails, so would the next one. */
  async #flush(): Promise<void> {
    if (this.#running !== undefined && !(await this.#running)) return;
    if (this.#pending.isEmpty) return;
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Resolves to whether the store has confirmed everything. */
  async #attempt(): Promise<boolean> {
    const startMark = performance.now();
    let overflowed = 0;
    let dropped = 0;
    let error: unknown;
    try {
      for (let batch = this.#pending.next(); batch !== undefined; batch = this.#pending.next()) {
        const result = await this.#store.apply(batch);
        overflowed += result.overflowed;
        dropped += result.dropped ?? 0;
        this.#pending.confirm(batch);
      }
      this.#flushMark = performance.now();
    } catch (caught) {
      error = caught ?? orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'noReason', {});
    }
    this.#outage.note(error);
    const losses = this.#losses.take();
    this.onFlush({
      seconds: (performance.now() - startMark) / 1000,
      ...(error !== undefined && { error }),
      overflowed: overflowed + losses.overflowed,
      dropped: dropped + losses.dropped,
      cut: losses.cut,
    });
    return error === undefined;
  }
}
