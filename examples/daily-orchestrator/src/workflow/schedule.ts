import { Cron } from 'croner';

import type { Run, Trigger } from '../database/runs.js';

/** A start is late when the daemon could have begun it a minute before it did. */
const LATE_MS = 60_000;

/** The daily time, in UTC: there is no clock change at which a day has no 02:00, or two. */
export class Schedule {
  readonly #cron: Cron;

  constructor(hour: number, minute: number) {
    this.#cron = new Cron(`${minute} ${hour} * * *`, { timezone: 'UTC', paused: true });
  }

  /** The next scheduled time after `now`. */
  next(now: Date): Date {
    return required(this.#cron.nextRun(now));
  }

  /** The newest scheduled time that is not after `now`. */
  latest(now: Date): Date {
    // Of the last 24 hours exactly one instant is scheduled.
    return required(this.#cron.nextRun(new Date(now.getTime() - 86_400_000)));
  }
}

/** What a daemon does that has the lock. */
export type Decision =
  | { readonly action: 'wait' }
  | { readonly action: 'resume'; readonly run: Run }
  | {
      readonly action: 'start';
      readonly trigger: Trigger;
      readonly scheduledFor: Date;
      readonly abandon: Run | undefined;
    };

export interface DecisionInput {
  readonly now: Date;
  /** The newest scheduled time that is not after `now`. */
  readonly due: Date;
  /** When the schedule began: nothing before it was promised. */
  readonly since: Date;
  readonly newest: Run | undefined;
  /** Whether a run was ever created for `due`. */
  readonly dueHasRun: boolean;
}

/**
 * A scheduled time gets one run, at once or, when nobody was there, later: only the newest one, however many were missed. A run
 * that was interrupted goes on, until the next scheduled time begins a new one from the first step. A run that has failed is not
 * touched: it is tried again the next day, or by hand.
 */
export function decide({ now, due, since, newest, dueHasRun }: DecisionInput): Decision {
  const unfinished = newest?.state === 'running' ? newest : undefined;
  const interrupted = unfinished?.trigger === 'step' ? undefined : unfinished;
  if (due >= since && !dueHasRun && !(interrupted !== undefined && interrupted.startedAt >= due)) {
    const late = now.getTime() - due.getTime() > LATE_MS;
    return {
      action: 'start',
      trigger: late ? 'catch-up' : 'schedule',
      scheduledFor: due,
      abandon: unfinished,
    };
  }
  return interrupted === undefined ? { action: 'wait' } : { action: 'resume', run: interrupted };
}

/** A manual start goes on with a run that did not succeed, if no scheduled time has passed since it began; else it begins a new one. */
export function resumable(newest: Run | undefined, due: Date): Run | undefined {
  if (newest === undefined || newest.startedAt < due) return undefined;
  return newest.state === 'failed' || newest.state === 'running' ? newest : undefined;
}

function required(date: Date | null): Date {
  if (date === null) throw new Error('the schedule has no next time');
  return date;
}
