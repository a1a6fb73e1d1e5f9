import { type Meter, ValueType } from '@opentelemetry/api';

import { labelled } from '../model/labelled-options.js';
import { ownMeter } from './own-meter.js';

/** Seconds. Jobs run from milliseconds to hours. */
const BOUNDARIES = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 21_600];

interface JobInstruments {
  readonly active: ReturnType<Meter['createUpDownCounter']>;
  readonly duration: ReturnType<Meter['createHistogram']>;
  readonly lastSuccess: ReturnType<Meter['createGauge']>;
  readonly runs: ReturnType<Meter['createCounter']>;
}

type JobOutcome = 'success' | 'failure';

const instruments = new WeakMap<Meter, JobInstruments>();

/**
 * Runs `fn` as one run of the job `name` and measures it, by the label `job.name`:
 *
 * - `job.runs`: finished runs, by `job.outcome` (`success` or `failure`)
 * - `job.duration`: seconds, by `job.outcome`
 * - `job.active`: runs in progress
 * - `job.last_success.time`: Unix time in seconds of the last success of any process; it stays when the process is gone
 *
 * Call it when the orchestrator runs: after `start()`, or anywhere under the preload.
 *
 * @example
 * ```ts
 * const rows = await recordJob('nightly-report', () => writeReport());
 * ```
 *
 * @param name a label value: one of a few, never an id
 * @param fn the job; it may be synchronous
 * @param meter default: the meter `@org/orchestrator` of the global MeterProvider
 * @returns what `fn` returns
 * @throws what `fn` throws, unchanged
 */
export async function recordJob<T>(
  name: string,
  fn: () => T | PromiseLike<T>,
  meter: Meter = ownMeter(),
): Promise<Awaited<T>> {
  const { active, duration, lastSuccess, runs } = instrumentsOf(meter);
  const job = { 'job.name': name };
  const startMark = performance.now();
  active.add(1, job);
  let outcome: JobOutcome = 'failure';
  try {
    const result = await fn();
    outcome = 'success';
    lastSuccess.record(Date.now() / 1000, job);
    return result;
  } finally {
    active.add(-1, job);
    const attributes = { ...job, 'job.outcome': outcome };
    runs.add(1, attributes);
    duration.record((performance.now() - startMark) / 1000, attributes);
  }
}

function instrumentsOf(meter: Meter): JobInstruments {
  const known = instruments.get(meter);
  if (known !== undefined) return known;
  const made: JobInstruments = {
    active: meter.createUpDownCounter(
      'job.active',
      labelled({
        description: 'Job runs in progress.',
        unit: '{run}',
        valueType: ValueType.INT,
        labels: ['job.name'],
      }),
    ),
    duration: meter.createHistogram(
      'job.duration',
      labelled({
        description: 'Duration of job runs.',
        unit: 's',
        advice: { explicitBucketBoundaries: BOUNDARIES },
        labels: ['job.name', 'job.outcome'],
      }),
    ),
    lastSuccess: meter.createGauge(
      'job.last_success.time',
      labelled({
        description: 'When the job last succeeded, as Unix time.',
        unit: 's',
        labels: ['job.name'],
      }),
    ),
    runs: meter.createCounter(
      'job.runs',
      labelled({
        description: 'Finished job runs, by outcome.',
        unit: '{run}',
        valueType: ValueType.INT,
        labels: ['job.name', 'job.outcome'],
      }),
    ),
  };
  instruments.set(meter, made);
  return made;
}
