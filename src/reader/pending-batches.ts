import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

import type { DeltaBatch } from '../model/delta-batch.js';
import { DeltaAccumulator, type DeltaAccumulatorOptions } from './delta-accumulator.js';

/** Meters that describe this process by themselves: the runtime's, and this package's own. */
const OF_PROCESS: Readonly<Record<string, RegExp>> = {
  '@opentelemetry/instrumentation-runtime-node': /^v8js\.|^nodejs\./,
  '@org/orchestrator': /^orchestrator\./,
};

/** What the store has not confirmed: batches, which are sent in their order, and what waits for the next one. */
export class PendingBatches {
  readonly #waiting: DeltaAccumulator;
  readonly #batches: DeltaBatch[] = [];
  #sequence = 0;
  /** Of the last batch that was confirmed. */
  #confirmedMark = -Infinity;

  constructor(options: DeltaAccumulatorOptions) {
    this.#waiting = new DeltaAccumulator(options);
  }

  /** Nothing is to be sent, not even a sign of life. */
  get isEmpty(): boolean {
    return this.#batches.length === 0 && !this.#waiting.dirty;
  }

  /** Number of series whose additions are not confirmed. */
  get series(): number {
    let count = this.#waiting.pendingSeries;
    for (const { deltas } of this.#batches) for (const { points } of deltas) count += points.length;
    return count;
  }

  /** Number of values that outlive the process and are not confirmed. */
  get keptValues(): number {
    return this.#waiting.keptSince(this.#confirmedMark);
  }

  /** See {@link DeltaAccumulator.add}. */
  add(metrics: ResourceMetrics, nowMark: number, observed = true): void {
    this.#waiting.add(metrics, nowMark, observed);
  }

  /** The batch that is to be sent: the same one until it is confirmed. Undefined when there is nothing to send. */
  next(): DeltaBatch | undefined {
    if (this.#batches.length === 0) this.#close();
    return this.#batches[0];
  }

  /** All batches, with what waits as the last one. */
  all(): readonly DeltaBatch[] {
    this.#close();
    return this.#batches;
  }

  /**
   * Whether the end of a process may take longer for all of it. It may not for the garbage that was collected since the last
   * flush, or for the duration of that flush.
   */
  get isWorthWaiting(): boolean {
    return this.keptValues > 0 || this.all().some(isOfApplication);
  }

  /** The store has this batch, and those before it. */
  confirm(batch: DeltaBatch): void {
    const at = this.#batches.indexOf(batch);
    if (at === -1) return;
    this.#batches.splice(0, at + 1);
    this.#confirmedMark = batch.collectedAt;
  }

  #close(): void {
    if (this.#waiting.dirty) this.#batches.push(this.#waiting.take(++this.#sequence));
  }
}

function isOfApplication({ deltas }: DeltaBatch): boolean {
  return deltas.some(({ family, points }) =>
    points.some(
      ({ series, values }) =>
        OF_PROCESS[series.scope.name]?.test(family.name) !== true && values.some((value) => value !== 0),
    ),
  );
}
