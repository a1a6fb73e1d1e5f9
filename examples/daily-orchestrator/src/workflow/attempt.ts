import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';

import { tryLock, type Lock } from '../database/advisory-lock.js';
import { newestRun, type Run } from '../database/runs.js';
import { scheduleDelay } from '../metrics/metrics.js';
import { reportFailure } from './report-failure.js';
import { runStep, runWorkflow } from './run-workflow.js';
import type { StepContext } from './steps.js';

const RUN_LOCK = 'run';

/** Everything that a run needs, but the run. */
export type Workshop = Omit<StepContext, 'runId' | 'sendsAgain'>;

/** How this process is called in a run that it works on. Each lock that it gets is a new owner: two of them are never the same. */
export function newOwner(): string {
  return `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
}

/** The lock that whoever works on a run holds. Undefined when somebody else does. */
export function tryRunLock({ settings, log }: Workshop): Promise<Lock | undefined> {
  return tryLock(settings.DATABASE_URL, RUN_LOCK, log);
}

/** Who has the run lock, as a sentence. */
export async function whoRuns({ database }: Workshop): Promise<string> {
  const run = await newestRun(database);
  if (run === undefined || run.state !== 'running') return 'Another process is about to run the workflow.';
  const [host, pid] = run.owner.split(':');
  return `Run ${run.id} is in progress since ${run.startedAt.toISOString()}: process ${pid} on ${host}.`;
}

/**
 * Works on a run while the lock is held. Throws Interrupted when `signal` is aborted or the lock is lost.
 *
 * @param options.only this step; undefined: all that have not succeeded
 * @param options.sendsAgain whether unfinished items are put into their queues once more
 */
export async function attempt(
  run: Run,
  workshop: Workshop,
  lock: Lock,
  signal: AbortSignal,
  { only, sendsAgain = false }: { only?: string; sendsAgain?: boolean } = {},
): Promise<boolean> {
  const { log, settings } = workshop;
  if (run.scheduledFor !== null && only === undefined) {
    scheduleDelay.record(Math.max(0, (run.startedAt.getTime() - run.scheduledFor.getTime()) / 1000));
  }
  log.info({ run: run.id, trigger: run.trigger, owner: run.owner }, 'working on a run');
  const context = { ...workshop, runId: run.id, sendsAgain };
  const held = AbortSignal.any([signal, lock.lost]);
  if (only !== undefined) return runStep(run, only, context, held);
  return runWorkflow(run, context, held, async ({ id }, step, error) => {
    const { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret } = settings;
    if (url === undefined) return;
    const failure = { run: id, step, error: error.message, at: new Date().toISOString() };
    await reportFailure({ url, secret }, failure, log);
  });
}
