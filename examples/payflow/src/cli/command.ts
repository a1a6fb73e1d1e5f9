import { SettingError } from '../config/read-settings.js';

/** Runs a command: what it throws is printed, and the exit code is 1. */
export function command(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    const expected = error instanceof SettingError || error instanceof UsageError;
    say(
      expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error),
      process.stderr,
    );
    process.exitCode = 1;
  });
}

export function say(line: string, to: NodeJS.WritableStream = process.stdout): void {
  to.write(`${line}\n`);
}

/** The command was called in a way that it cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
