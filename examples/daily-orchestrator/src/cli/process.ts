import { NotReached } from '../broker/broker.js';
import { isAway, isRefusal, reasonOf } from '../database/database.js';
import { SettingsError, readSettings, type Settings } from '../settings/settings.js';
import { EXIT } from '../workflow/manual.js';

/** One line for the person at the terminal; the log is for machines. */
export function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs a command with the settings of the environment, and sets the exit code that it answers. A wrong setting is a sentence, not a
 * stack.
 */
export async function command(run: (settings: Settings) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run(readSettings(process.env));
  } catch (error) {
    process.exitCode = error instanceof SettingsError ? EXIT.usage : EXIT.failure;
    process.stderr.write(`${sentenceOf(error)}\n`);
  } finally {
    // PM2 listens to a channel in each of its processes, and would keep one that has nothing left to do until it kills it.
    process.channel?.unref();
  }
}

/** What somebody can mend is a sentence. A stack is for what nobody expected. */
function sentenceOf(error: unknown): string {
  if (error instanceof SettingsError || error instanceof NotReached) return error.message;
  if (isAway(error)) return `PostgreSQL (DATABASE_URL) does not answer: ${reasonOf(error)}.`;
  if (isRefusal(error)) return `PostgreSQL (DATABASE_URL) refuses: ${reasonOf(error)}.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Aborted at the first SIGTERM or SIGINT. The listeners stay: a second signal does not cut the first one short. */
export function endSignal(): AbortSignal {
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => end.abort(new Error(`${name} was received`)));
  }
  return end.signal;
}

/** Several instances of one process in PM2 have log files of their own. */
export function instanceName(process: string): string {
  const instance = globalThis.process.env['NODE_APP_INSTANCE'];
  return instance === undefined || instance === '0' ? process : `${process}-${instance}`;
}
