import {
  diag,
  type Meter,
  metrics,
  type ObservableGauge,
  type ObservableResult,
  ValueType,
} from '@opentelemetry/api';

import { warning } from '../warnings.js';

/** What BullMQ's `Queue` has, and what anything else needs to be observed. */
export interface ObservableQueue {
  readonly name: string;
  /** Jobs by state. The states become label values: a few, and always the same. */
  getJobCounts(): Promise<Readonly<Record<string, number>>>;
}

export interface ObserveQueueOptions {
  /** Milliseconds after which an unanswered question counts as failed; default 2000. */
  readonly timeout?: number | undefined;
  readonly meter?: Meter | undefined;
}

const DEFAULT_TIMEOUT_MS = 2000;

const gauges = new WeakMap<Meter, ObservableGauge>();

/**
 * Measures how many jobs wait in a queue: `queue.jobs` by `queue.name` and `job.state`, the states as the queue calls them.
 * To be called once per queue and process, when the orchestrator runs. Any number of processes may observe the same queue:
 * their answers are one number, not a sum.
 *
 * A collection reports the last answer and asks the next question, so neither a flush nor a scrape waits for the queue. While
 * there is no answer there is no number.
 *
 * @returns a function that ends it; to be called before the queue is closed.
 */
export function observeQueue(
  queue: ObservableQueue,
  { timeout = DEFAULT_TIMEOUT_MS, meter = metrics.getMeter('@org/orchestrator') }: ObserveQueueOptions = {},
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
    gauge = meter.createObservableGauge('queue.jobs', {
      description: 'Jobs in a queue, by state.',
      unit: '{job}',
      valueType: ValueType.INT,
    });
    gauges.set(meter, gauge);
  }
  return gauge;
}

class QueueDepth {
  readonly #queue: ObservableQueue;
  readonly #timeout: number;
  #counts: Readonly<Record<string, number>> = {};
  /** One question at a time: a queue that hangs must not collect them. */
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
    const late = setTimeout(
      () => this.#forget(`no answer within ${this.#timeout} ms`),
      this.#timeout,
    ).unref();
    void Promise.resolve()
      .then(() => this.#queue.getJobCounts())
      .then(
        (counts) => {
          // A queue that is not BullMQ's may answer anything.
          this.#counts = counts ?? {};
        },
        (error: unknown) => this.#forget(error),
      )
      .finally(() => {
        clearTimeout(late);
        this.#asking = false;
      });
  }

  /** No number is better than one of an unknown age. */
  #forget(error: unknown): void {
    this.#counts = {};
    diag.warn(...warning('ORCHESTRATOR_QUEUE_NOT_COUNTED', { queue: this.#queue.name, error }));
  }
}
