import Table from 'cli-table3';

import { openDatabase } from '../database/database.js';
import { migrate } from '../database/migrate.js';
import { newestRuns, stepsOf } from '../database/runs.js';
import { silentLog } from '../log/log.js';
import type { Settings } from '../settings/settings.js';
import { EXIT } from '../workflow/manual.js';
import { Schedule } from '../workflow/schedule.js';
import { tell } from './process.js';

const RUNS = 5;

/** The last runs, the steps of the newest one, and the next scheduled time. */
export async function statusCommand(settings: Settings, json: boolean): Promise<number> {
  const log = silentLog();
  await migrate(settings.DATABASE_URL, log);
  const database = openDatabase(settings.DATABASE_URL, log);
  try {
    const runs = await newestRuns(database, RUNS);
    const steps = runs[0] === undefined ? [] : await stepsOf(database, runs[0].id);
    const next = new Schedule(settings.SCHEDULE_HOUR, settings.SCHEDULE_MINUTE).next(new Date());
    if (json) {
      tell(JSON.stringify({ next, runs, steps }, undefined, 2));
      return EXIT.success;
    }
    const runTable = table(['run', 'trigger', 'state', 'started', 'ended', 'error']);
    for (const run of runs) {
      runTable.push([
        run.id,
        run.trigger,
        run.state,
        time(run.startedAt),
        time(run.endedAt),
        run.error ?? '',
      ]);
    }
    const stepTable = table(['step', 'state', 'attempts', 'items', 'seconds', 'error']);
    for (const { step, state, attempts, items, workedMs, error } of steps) {
      stepTable.push([step, state, attempts, items, (workedMs / 1000).toFixed(1), error ?? '']);
    }
    tell(runTable.toString());
    if (steps.length > 0) tell(`Steps of run ${runs[0]?.id}:\n${stepTable.toString()}`);
    tell(`Next scheduled start: ${next.toISOString()}`);
    return EXIT.success;
  } finally {
    await database.end();
  }
}

export function table(head: readonly string[]): Table.Table {
  return new Table({ head: [...head], style: { head: [], border: [], compact: true } });
}

function time(at: Date | null): string {
  return at === null ? '' : at.toISOString().replace(/\.\d+Z$/, 'Z');
}
