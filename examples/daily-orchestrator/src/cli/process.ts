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
    if (error instanceof SettingsError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = EXIT.usage;
      return;
    }
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = EXIT.failure;
  }
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
