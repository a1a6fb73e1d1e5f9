import { processEnvironment } from '../config/environment.js';
import { readSettings } from '../config/read-settings.js';
import type { SettingName } from '../config/settings.js';
import { warningLine } from '../log.js';
import { flagValues } from './arguments/own-flags.js';
import { givenSettings } from './arguments/setting-flags.js';
import type { Call } from './command.js';
import { COMMANDS } from './commands.js';
import { type Ending, endingOf, sentenceOf } from './exit-codes.js';
import { interrupted, type Interruption } from './interruption.js';
import type { Terminal } from './output/terminal.js';
import { parseCommandLine, type Parsed } from './program.js';
import { PROGRAM } from './program-name.js';

/**
 * Runs one command line, and prints what went wrong. Never rejects.
 *
 * @param words without the program
 */
export async function run(
  words: readonly string[],
  terminal: Terminal,
  signal: Interruption,
): Promise<Ending> {
  const dashes = words.indexOf('--');
  const rest = dashes === -1 ? [] : words.slice(dashes + 1);
  const own = dashes === -1 ? words : words.slice(0, dashes);
  try {
    const parsed = parseCommandLine(COMMANDS, own, terminal.columns);
    if ('text' in parsed) {
      await terminal.write(parsed.text);
      return 'done';
    }
    return await call(parsed, rest, terminal, signal);
  } catch (error) {
    return report(error, terminal, own.includes('--json'));
  }
}

async function call(
  { command, args, options }: Parsed,
  rest: readonly string[],
  terminal: Terminal,
  signal: Interruption,
): Promise<Ending> {
  const given = givenSettings(options);
  const settings = readSettings(processEnvironment(), given, (...warning) =>
    terminal.note(warningLine(...warning).trimEnd()),
  );
  const made: Call = {
    args,
    rest,
    flags: flagValues(command.flags, options),
    json: options['json'] === true,
    settings,
    givenSettings: new Set(Object.keys(given) as SettingName[]),
    terminal,
    commands: COMMANDS,
    signal,
  };
  // The flags are those of this very command.
  const work = command.run(made as Call<never>);
  const ending = command.isLasting === true ? await work : await Promise.race([work, interrupted(signal)]);
  return ending ?? 'done';
}

/** One sentence on stderr; with `--json` also an object on stdout, for a program that reads only that. */
async function report(failure: unknown, terminal: Terminal, json: boolean): Promise<Ending> {
  const ending = endingOf(failure);
  const sentence = sentenceOf(failure);
  terminal.note(`${PROGRAM}: ${sentence}`);
  if (!json) return ending;
  try {
    await terminal.json({ error: { ending, message: sentence } });
  } catch {
    // The output is what failed.
  }
  return ending;
}
