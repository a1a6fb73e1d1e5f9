import { performance } from 'node:perf_hooks';

import {
  AggregationTemporality,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { OrchestratorError, orchestratorError } from '../errors.js';
import type { DeltaBatch } from '../model/delta-batch.js';
import type { MetricStore } from '../store/metric-store.js';
import { type Warn, warning } from '../warnings.js';
import { DeltaAccumulator, type DeltaAccumulatorOptions } from './delta-accumulator.js';

/** What became of one attempt to write to the store. */
export interface FlushReport {
  readonly seconds: number;
  readonly error?: unknown;
  /** Points that a cap on series moved into the overflow series. */
  readonly overflowed: number;
  /** Points that could not be kept. */
  readonly dropped: number;
}

export interface StoreMetricExporterOptions extends DeltaAccumulatorOptions {
  readonly store: MetricStore;
}

/** `ExportResultCode.SUCCESS` of @opentelemetry/core, which is not a dependency of ours. */
const SUCCESS = 0;

/**
 * Hands what the SDK collected to a store. It takes ownership at once: a collection is merged into what waits, and leaves
 * it only with a batch that the store has confirmed. A batch of unknown outcome is sent again unchanged until it is
 * confirmed; what is collected meanwhile waits for the next one. One attempt is under way at any time.
 */
export class StoreMetricExporter implements PushMetricExporter {
  /** Called after each attempt; for self-metrics. */
  onFlush: (report: FlushReport) => void = () => undefined;
  /** Series that a metric may have in the store. */
  readonly maxSeries: number;

  readonly #store: MetricStore;
  readonly #warn: Warn;
  readonly #waiting: DeltaAccumulator;
  #unconfirmed: DeltaBatch | undefined;
  #sequence = 0;
  #running: Promise<boolean> | undefined;
  #error: unknown;
  #flushedAt: number | undefined;
  #closed = false;

  constructor(options: StoreMetricExporterOptions) {
    this.maxSeries = options.maxSeries;
    this.#store = options.store;
    this.#warn = options.warn;
    this.#waiting = new DeltaAccumulator(options);
  }

  /** The reason why the last attempt failed; undefined while the store answers. */
  get lastError(): unknown {
    return this.#error;
  }

  /** Milliseconds since the store last confirmed a batch; undefined before the first. */
  get millisecondsSinceFlush(): number | undefined {
    return this.#flushedAt === undefined ? undefined : performance.now() - this.#flushedAt;
  }

  /** Number of series whose additions the store has not confirmed. */
  get pendingSeries(): number {
    let count = this.#waiting.pendingSeries;
    for (const { points } of this.#unconfirmed?.deltas ?? []) count += points.length;
    return count;
  }

  /**
   * Counters and histograms as deltas: the store sums them. Synchronous up-down counters and gauges as they stand. What is
   * observed as deltas, which means: only what the last callback reported, so that a vanished attribute set leaves (SDK
   * specification, asynchronous instruments); the accumulator makes current values of the deltas of up-down counters.
   */
  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    switch (type) {
      case InstrumentType.UP_DOWN_COUNTER:
      case InstrumentType.GAUGE:
        return AggregationTemporality.CUMULATIVE;
      default:
        return AggregationTemporality.DELTA;
    }
  }

  /**
   * Reports success at once: from here on the data are kept until the store confirms them. Who waited for that would hold
   * the process open with the SDK's timer. {@link forceFlush} tells whether they have arrived; a store that is away is
   * reported once, not at every interval.
   */
  export(metrics: ResourceMetrics, done: (result: { code: number }) => void): void {
    this.#waiting.add(metrics, performance.now());
    void this.#flush();
    done({ code: SUCCESS });
  }

  /** Resolves when everything collected so far is confirmed by the store; rejects with the reason when it is not. */
  async forceFlush(): Promise<void> {
    // An attempt that ends may be followed at once by one for what came in its last moment.
    while (this.#running !== undefined) await this.#running;
    if (this.#error !== undefined) throw this.#error;
  }

  /** Ends this instance's lease and closes the store. What the store has not confirmed by then is lost and reported. */
  async shutdown(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    const lost = this.pendingSeries;
    if (lost > 0) this.#warn(...warning('ORCHESTRATOR_METRICS_LOST', { series: lost, error: this.#error }));
    try {
      if (this.#error === undefined) await this.#store.endLease();
    } finally {
      await this.#store.close();
    }
  }

  /** Ends the lease without closing; the next flush begins it again. For a process that is about to end. */
  async endLease(): Promise<void> {
    await this.#running;
    if (this.#error === undefined) await this.#store.endLease();
  }

  /** Never rejects. An attempt under way takes along what came in the meantime; when it fails, so would the next one. */
  async #flush(): Promise<void> {
    if (this.#running !== undefined && !(await this.#running)) return;
    if (this.#unconfirmed === undefined && !this.#waiting.dirty) return;
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Answers whether the store has confirmed everything. */
  async #attempt(): Promise<boolean> {
    const begun = performance.now();
    let overflowed = 0;
    let error: unknown;
    try {
      while (this.#unconfirmed !== undefined || this.#waiting.dirty) {
        this.#unconfirmed ??= this.#waiting.take(++this.#sequence);
        const result = await this.#store.apply(this.#unconfirmed);
        overflowed += result.overflowed;
        this.#unconfirmed = undefined;
      }
      this.#flushedAt = performance.now();
    } catch (caught) {
      error = caught ?? orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'noReason', {});
    }
    this.#reportChange(error);
    const losses = this.#waiting.takeLosses();
    this.onFlush({
      seconds: (performance.now() - begun) / 1000,
      ...(error !== undefined && { error }),
      overflowed: overflowed + losses.overflowed,
      dropped: losses.dropped,
    });
    return error === undefined;
  }

  /** One line per change of state, however long an outage lasts. */
  #reportChange(error: unknown): void {
    const before = this.#error;
    this.#error = error;
    if (error !== undefined && (before === undefined || codeOf(before) !== codeOf(error))) {
      this.#warn(...warning('ORCHESTRATOR_METRICS_WAIT', { error }));
    } else if (error === undefined && before !== undefined) {
      this.#warn(...warning('ORCHESTRATOR_METRICS_SENT', { store: this.#store.description }));
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof OrchestratorError ? error.code : '';
}
