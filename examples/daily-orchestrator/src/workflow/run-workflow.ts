import { recordJob } from '@org/orchestrator';

import { unlessAborted } from '../broker/broker.js';
import { LockLost } from '../database/advisory-lock.js';
import { isAway } from '../database/database.js';
import {
  changeStep,
  endRun,
  forgetOldItems,
  NotOwner,
  stepsOf,
  type Run,
  type StepRow,
} from '../database/runs.js';
import { SlotTaken, whileAway } from '../metrics/ledger.js';
import {
  lastRunDuration,
  lastStepDuration,
  runItems,
  stepFailures,
  stepRetries,
  workflowFailures,
} from '../metrics/metrics.js';
import { STEPS, type Step, type StepContext } from './steps.js';

export const JOB = 'daily-workflow';
/** How often the time that a step has taken is written down. */
const NOTE_EVERY_MS = 1000;

export class TimeLimit extends Error {
  constructor(step: string, limitMs: number) {
    super(`${step} was not done within its limit of ${limitMs / 60_000} minutes`);
    this.name = 'TimeLimit';
  }
}

/** This process works on the run no longer; the run itself has not failed. */
export class Interrupted extends Error {
  constructor(reason: unknown) {
    super(reason instanceof Error ? reason.message : String(reason), { cause: reason });
    this.name = 'Interrupted';
  }
}

export type Reported = (run: Run, step: string, error: Error) => Promise<void>;

/**
 * Works on a run until it has succeeded or failed: each step that has not succeeded, in order.
 *
 * @param signal aborted when this process must let go of the run
 * @param report called when the run has failed
 * @throws Interrupted when it was let go
 * @returns whether it succeeded
 */
export async function runWorkflow(
  run: Run,
  context: StepContext,
  signal: AbortSignal,
  report: Reported,
): Promise<boolean> {
  try {
    await recordJob(JOB, () => doSteps(run, context, signal));
    return true;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw asInterruption(error, signal);
    workflowFailures.add(1);
    await report(run, error.step, error.reason);
    return false;
  }
}

class StepFailed extends Error {
  readonly step: string;
  readonly reason: Error;

  constructor(step: string, reason: Error) {
    super(`${step}: ${reason.message}`, { cause: reason });
    this.step = step;
    this.reason = reason;
  }
}

async function doSteps(run: Run, context: StepContext, signal: AbortSignal): Promise<void> {
  const { database, log } = context;
  const rows = new Map(
    (await whileAway(() => stepsOf(database, run.id), signal)).map((row) => [row.step, row]),
  );
  for (const step of STEPS) {
    const row = rows.get(step.name);
    if (row === undefined || row.state === 'succeeded' || row.state === 'skipped') continue;
    await measureStep(run, step, row, context, signal);
  }
  await whileAway(() => endRun(database, run, 'succeeded'), signal);
  await whileAway(() => forgetOldItems(database), signal);
  const seconds = (Date.now() - run.startedAt.getTime()) / 1000;
  lastRunDuration.record(seconds);
  log.info({ run: run.id, seconds: Math.round(seconds) }, 'workflow succeeded');
}

/** One step, whatever its state. Answers whether it succeeded; throws Interrupted when it was let go. */
export async function runStep(
  run: Run,
  name: string,
  context: StepContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { database } = context;
  try {
    const rows = await whileAway(() => stepsOf(database, run.id), signal);
    const step = STEPS.find((candidate) => candidate.name === name);
    const row = rows.find((candidate) => candidate.step === name);
    if (step === undefined || row === undefined) throw new Error(`There is no step ${name}.`);
    await measureStep(run, step, row, context, signal);
    const open = rows.some(
      (other) => other !== row && other.state !== 'succeeded' && other.state !== 'skipped',
    );
    if (!open) await whileAway(() => endRun(database, run, 'succeeded'), signal);
    return true;
  } catch (error) {
    if (error instanceof StepFailed) return false;
    throw asInterruption(error, signal);
  }
}

async function measureStep(
  run: Run,
  step: Step,
  row: StepRow,
  context: StepContext,
  signal: AbortSignal,
): Promise<void> {
  const { database, log } = context;
  try {
    const items = await recordJob(step.name, () => doStep(run, step, row, context, signal));
    runItems.record(items, { 'workflow.step': step.name });
  } catch (error) {
    if (isInterruption(error, signal)) throw error;
    const reason = error instanceof Error ? error : new Error(String(error));
    log.error({ err: reason, run: run.id, step: step.name }, 'step failed');
    stepFailures.add(1, { 'workflow.step': step.name });
    const failed = { state: 'failed', error: reason.message } as const;
    await whileAway(() => changeStep(database, run, step.name, failed), signal);
    await whileAway(() => endRun(database, run, 'failed', `${step.name}: ${reason.message}`), signal);
    throw new StepFailed(step.name, reason);
  }
}

async function doStep(
  run: Run,
  step: Step,
  row: StepRow,
  context: StepContext,
  signal: AbortSignal,
): Promise<number> {
  const { database, log, settings } = context;
  const limitMs = step.limit(settings);
  const clock = new StepClock(row.workedMs);
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new TimeLimit(step.name, limitMs)),
    Math.max(0, limitMs - row.workedMs),
  );
  if (row.attempts > 0) stepRetries.add(1, { 'workflow.step': step.name });
  log.info({ run: run.id, step: step.name, attempt: row.attempts + 1, limitMs }, 'step begins');
  await whileAway(() => changeStep(database, run, step.name, { state: 'running' }), signal);
  const taken = new AbortController();
  const notes = setInterval(() => {
    changeStep(database, run, step.name, { workedMs: clock.workedMs }).catch((error: unknown) => {
      if (error instanceof NotOwner) taken.abort(error);
    });
  }, NOTE_EVERY_MS);
  try {
    const working = AbortSignal.any([signal, late.signal, taken.signal]);
    const items = await unlessAborted(step.run(context, working), working);
    clearInterval(notes);
    const workedMs = clock.workedMs;
    await whileAway(
      () => changeStep(database, run, step.name, { state: 'succeeded', items, workedMs }),
      signal,
    );
    lastStepDuration.record(workedMs / 1000, { 'workflow.step': step.name });
    log.info({ run: run.id, step: step.name, items, seconds: Math.round(workedMs / 1000) }, 'step succeeded');
    return items;
  } finally {
    clearInterval(notes);
    clearTimeout(timer);
  }
}

/** Milliseconds that a step was worked on, in this process and before. */
class StepClock {
  readonly #beforeMs: number;
  readonly #startMark: number = performance.now();

  constructor(beforeMs: number) {
    this.#beforeMs = beforeMs;
  }

  get workedMs(): number {
    return Math.round(this.#beforeMs + performance.now() - this.#startMark);
  }
}

function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return (
    signal.aborted ||
    error instanceof NotOwner ||
    error instanceof LockLost ||
    error instanceof SlotTaken ||
    isAway(error)
  );
}

function asInterruption(error: unknown, signal: AbortSignal): unknown {
  if (!isInterruption(error, signal)) return error;
  return new Interrupted(signal.aborted ? signal.reason : error);
}
