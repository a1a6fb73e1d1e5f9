import { setTimeout as sleep } from 'node:timers/promises';

import { isAway } from '../database/database.js';
import {
  abandon,
  createRun,
  newestRun,
  runScheduledFor,
  scheduleBegan,
  takeOver,
  type Run,
} from '../database/runs.js';
import { attempt, newOwner, tryRunLock, whoRuns, type Workshop } from './attempt.js';
import { Interrupted } from './run-workflow.js';
import { decide, type Decision, Schedule } from './schedule.js';
import { STEP_NAMES } from './steps.js';

/**
 * Runs the workflow each day until `signal` is aborted. Any number of daemons may run: the one with the lock works, the others
 * look again every `CHECK_INTERVAL`.
 */
export async function runDaemon(workshop: Workshop, signal: AbortSignal): Promise<void> {
  const { log, settings } = workshop;
  const schedule = new Schedule(settings.SCHEDULE_HOUR, settings.SCHEDULE_MINUTE);
  log.info({ next: schedule.next(new Date()).toISOString() }, 'daemon started');
  let told = '';
  while (!signal.aborted) {
    try {
      const waitsFor = await look(workshop, schedule, signal);
      if (waitsFor !== told && waitsFor !== '') log.info(waitsFor);
      told = waitsFor;
    } catch (error) {
      if (signal.aborted) break;
      if (error instanceof Interrupted) log.warn({ reason: error.message }, 'let go of the run; it goes on');
      else if (isAway(error)) log.warn({ reason: String(error) }, 'no database');
      else log.error({ err: error }, 'the daemon goes on after an error');
    }
    const untilNext = schedule.next(new Date()).getTime() - Date.now();
    await sleep(Math.max(1, Math.min(settings.CHECK_INTERVAL, untilNext)), undefined, { signal }).catch(
      () => undefined,
    );
  }
}

/** Does what is to be done now. Answers what it waits for, in words; empty when nothing. */
async function look(workshop: Workshop, schedule: Schedule, signal: AbortSignal): Promise<string> {
  // Most of the time there is nothing to do, and no lock is needed to see that.
  if ((await decision(workshop, schedule)).action === 'wait') return '';
  const lock = await tryRunLock(workshop);
  if (lock === undefined) return whoRuns(workshop);
  try {
    // Somebody else may have done it before the lock was free.
    const run = await begin(workshop, await decision(workshop, schedule));
    if (run !== undefined) await attempt(run, workshop, lock, signal);
  } finally {
    await lock.release();
  }
  return '';
}

async function decision({ database }: Workshop, schedule: Schedule): Promise<Decision> {
  const now = new Date();
  const due = schedule.latest(now);
  return decide({
    now,
    due,
    since: await scheduleBegan(database, now),
    newest: await newestRun(database),
    dueHasRun: (await runScheduledFor(database, due)) !== undefined,
  });
}

async function begin({ database, log }: Workshop, decided: Decision): Promise<Run | undefined> {
  if (decided.action === 'wait') return undefined;
  const owner = newOwner();
  if (decided.action === 'resume') return takeOver(database, decided.run.id, owner);
  if (decided.abandon !== undefined) {
    log.warn({ run: decided.abandon.id }, 'an interrupted run is given up: a new day begins');
    await abandon(database, decided.abandon.id);
  }
  const { trigger, scheduledFor } = decided;
  return createRun(database, { trigger, scheduledFor, owner }, STEP_NAMES);
}
