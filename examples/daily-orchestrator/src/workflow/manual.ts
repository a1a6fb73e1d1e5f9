import { setTimeout as sleep } from 'node:timers/promises';

import { unlessAborted } from '../broker/broker.js';
import { isAway } from '../database/database.js';
import { createRun, newestRun, takeOver, type Run, type Trigger } from '../database/runs.js';
import { reviveItems } from '../database/work-items.js';
import { attempt, newOwner, tryRunLock, whoRuns, type Workshop } from './attempt.js';
import { Interrupted } from './run-workflow.js';
import { resumable, Schedule } from './schedule.js';
import { DRAINED, STEP_NAMES } from './steps.js';

/** Exit codes of the commands. */
export const EXIT = { success: 0, failure: 1, usage: 2, busy: 3, interrupted: 4 } as const;

const RETRY_MS = 1000;

/**
 * Runs the workflow now: goes on with a run that did not succeed, if there is one of the current day, else begins a new one.
 *
 * @param from the step to go on with; undefined: where the run stopped
 * @param tell prints one line for the person who started it
 * @returns an exit code
 */
export async function runManually(
  workshop: Workshop,
  from: string | undefined,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<number> {
  let failedSinceMark: number | undefined;
  let begun: Begun | undefined;
  for (;;) {
    try {
      const lock = await unlessAborted(tryRunLock(workshop), signal);
      if (lock === undefined) {
        tell(await whoRuns(workshop));
        return EXIT.busy;
      }
      try {
        begun = await begin(workshop, begun, from);
        failedSinceMark = undefined;
        const { run, sendsAgain } = begun;
        tell(`Run ${run.id}.`);
        return (await attempt(run, workshop, lock, signal, { sendsAgain })) ? EXIT.success : EXIT.failure;
      } finally {
        await lock.release();
      }
    } catch (error) {
      if (signal.aborted) return EXIT.interrupted;
      if (!(error instanceof Interrupted) && !isAway(error)) throw error;
      if (workshop.ledger.taken.aborted) return EXIT.interrupted;
      failedSinceMark ??= performance.now();
      if (performance.now() - failedSinceMark > workshop.settings.RECONNECT_LIMIT) {
        tell(`Given up: ${error.message}. The run goes on with the next start.`);
        return EXIT.interrupted;
      }
      workshop.log.warn({ reason: error.message }, 'trying to go on');
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

interface Begun {
  readonly run: Run;
  /** Its items are put into their queues once more. */
  readonly sendsAgain: boolean;
}

/** Items in dead-letter queues get a new chance: whoever starts a run by hand has mended what was wrong. */
async function begin(
  { database, settings }: Workshop,
  mine: Begun | undefined,
  from: string | undefined,
  trigger: Trigger = 'manual',
): Promise<Begun> {
  const owner = newOwner();
  if (mine !== undefined) return { ...mine, run: await takeOver(database, mine.run.id, owner) };
  const schedule = new Schedule(settings.SCHEDULE_HOUR, settings.SCHEDULE_MINUTE);
  const unfinished = resumable(await newestRun(database), schedule.latest(new Date()));
  if (unfinished !== undefined) {
    const run = await takeOver(database, unfinished.id, owner, from);
    const revived = await reviveItems(database, run.id, DRAINED);
    // Of a run that had failed, workers have dropped the messages.
    return { run, sendsAgain: unfinished.state === 'failed' || revived > 0 };
  }
  const run = await createRun(database, { trigger, scheduledFor: null, owner }, STEP_NAMES, from);
  return { run, sendsAgain: false };
}

/**
 * Runs one step, as a part of the current day's unfinished run or of a new one. When the last of its steps is done so, the run
 * has succeeded.
 */
export async function runOneStep(
  workshop: Workshop,
  step: string,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<number> {
  const lock = await tryRunLock(workshop);
  if (lock === undefined) {
    tell(await whoRuns(workshop));
    return EXIT.busy;
  }
  try {
    const { run, sendsAgain } = await begin(workshop, undefined, undefined, 'step');
    tell(`Run ${run.id}, ${step}.`);
    const succeeded = await attempt(run, workshop, lock, signal, { only: step, sendsAgain });
    return succeeded ? EXIT.success : EXIT.failure;
  } catch (error) {
    if (signal.aborted || error instanceof Interrupted) return EXIT.interrupted;
    throw error;
  } finally {
    await lock.release();
  }
}
