import { diag, type Meter, type ObservableGauge, type ObservableResult, ValueType } from '@opentelemetry/api';

import { deadline } from '../event-loop/deadline.js';
import { ownMeter } from './own-meter.js';
import { labelled } from '../model/labelled-options.js';
import { warning } from '../warnings.js';

/** What {@link observeQueue} needs of a queue. BullMQ's `Queue` has it. */
export interface ObservableQueue {
  /** A label value. */
  readonly name: string;
  /** Jobs by state. The states become label values: a few, and always the same. */
  getJobCounts(): Promise<Readonly<Record<string, number>>>;
}

/** Options of {@link observeQueue}. */
export interface ObserveQueueOptions {
  /** Milliseconds after which `getJobCounts()` counts as failed. Default 2000. */
  readonly timeout?: number | undefined;
  /** Default: the meter `@org/orchestrator` of the global MeterProvider. */
  readonly meter?: Meter | undefined;
}

const DEFAULT_TIMEOUT_MS = 2000;

const gauges = new WeakMap<Meter, ObservableGauge>();

/**
 * Measures how many jobs are in a queue: the gauge `queue.jobs` by `queue.name` and `job.state`, with the queue's own states.
 * Any number of processes may observe the same queue: the newest number is shown, never a sum of what they saw.
 *
 * A collection reports the last answer of `getJobCounts()` and asks again, so that neither a flush nor a scrape waits for the
 * queue. While the queue does not answer, or fails, this process reports no number; `OTEL_LOG_LEVEL=debug` says why.
 *
 * Call it once for each queue and process when the orchestrator runs: after `start()`, or anywhere under the preload.
 *
 * @example
 * ```ts
 * const queue = new Queue('mail', { connection });
 * const stopObserving = observeQueue(queue, { timeout: 500 });
 * ```
 *
 * @returns a function that ends it; call it before you close the queue
 */
export function observeQueue(
  queue: ObservableQueue,
  { timeout = DEFAULT_TIMEOUT_MS, meter = ownMeter() }: ObserveQueueOptions = {},
): () => void {
  const gauge = gaugeOf(meter);
  const depth = new QueueDepth(queue, timeout);
  const callback = (result: ObservableResult): void => depth.observe(result);
  gauge.addCallback(callback);
  depth.ask();
  return () => gauge.removeCallback(callback);
}

/** A gauge, though the states add up: the sum over processes that an up-down counter gets would count each job several times. */
function gaugeOf(meter: Meter): ObservableGauge {
  let gauge = gauges.get(meter);
  if (gauge === undefined) {
    gauge = meter.createObservableGauge(
      'queue.jobs',
      labelled({
        description: 'Jobs in a queue, by state.',
        unit: '{job}',
        valueType: ValueType.INT,
        labels: ['queue.name', 'job.state'],
      }),
    );
    gauges.set(meter, gauge);
  }
  return gauge;
}

class QueueDepth {
  readonly #queue: ObservableQueue;
  readonly #timeout: number;
  #counts: Readonly<Record<string, number>> = {};
  /** One call at a time: they must not pile up at a queue that hangs. */
  #asking = false;

  constructor(queue: ObservableQueue, timeout: number) {
    this.#queue = queue;
    this.#timeout = timeout;
  }

  observe(result: ObservableResult): void {
    for (const [state, jobs] of Object.entries(this.#counts))
      result.observe(jobs, { 'queue.name': this.#queue.name, 'job.state': state });
    this.ask();
  }

  ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    const answer = this.#ask().finally(() => {
      this.#asking = false;
    });
    const late = (): Error => new Error(`no answer within ${this.#timeout} ms`);
    void deadline(answer, this.#timeout, late).catch((error: unknown) => this.#forget(error));
  }

  /** An answer that comes late is still the newest. */
  async #ask(): Promise<void> {
    // A queue that is not BullMQ's may answer anything.
    this.#counts = (await this.#queue.getJobCounts()) ?? {};
  }

  /** No number is better than one of an unknown age. */
  #forget(error: unknown): void {
    this.#counts = {};
    diag.warn(...warning('ORCHESTRATOR_QUEUE_NOT_COUNTED', { queue: this.#queue.name, error }));
  }
}
