import { Command as Commander, CommanderError } from 'commander';

import { version } from '../version.js';
import { settingFlags } from './arguments/setting-flags.js';
import { ownFlags } from './arguments/own-flags.js';
import type { Argument, Command } from './command.js';
import { CommandError } from './exit-codes.js';
import { PROGRAM } from './program-name.js';

/** A command line that was understood. */
export interface Parsed {
  readonly command: Command;
  readonly args: readonly string[];
  /** Flags that were given, by key. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What is printed, where no command runs: the help, the version. */
export interface Printed {
  readonly text: string;
}

const INTRODUCTION =
  'Looks at the projects of a store and acts on them: one Redis, or the local store of this host. It starts no SDK, and all but `wipe`, `init`, `migrate` and `load` change nothing.';

const CLOSING = `
Every setting of @org/orchestrator is a flag of every command (--redis-url, --local-dir, …) and an environment
variable; a flag wins. "${PROGRAM} <command> --help" lists those that matter to it.

Examples:
  $ ${PROGRAM} projects
  $ ${PROGRAM} watch shop
  $ ${PROGRAM} serve --redis-url redis://127.0.0.1:6379
`;

/**
 * The command line as commander has it. `told` is called with the command that was asked for; nothing runs here.
 */
export function buildProgram(commands: readonly Command[], told: (parsed: Parsed) => void): Commander {
  const program = new Commander(PROGRAM)
    .description(INTRODUCTION.replaceAll('`', ''))
    .version(version, '-V, --version', 'Prints the version.')
    .helpOption('-h, --help', 'Prints this help.')
    .helpCommand('help [command]', 'Prints the help of a command.')
    .usage('<command> [flags]')
    .showSuggestionAfterError(true)
    .addHelpText('after', CLOSING);
  for (const command of commands)
    program.addCommand(subcommand(program, command, told), { hidden: command.isHidden === true });
  return program;
}

function subcommand(program: Commander, command: Command, told: (parsed: Parsed) => void): Commander {
  const one = new Commander(command.name)
    .copyInheritedSettings(program)
    .summary(command.summary)
    .description([command.summary, command.description].filter(Boolean).join('\n\n'))
    .helpOption('-h, --help', 'Prints this help.')
    .allowExcessArguments(false)
    .action(() => told({ command, args: one.args, options: one.opts() }));
  for (const argument of command.args) one.argument(syntaxOf(argument), argument.description);
  for (const option of ownFlags(command.flags)) one.addOption(option);
  one.option('--json', 'Prints JSON instead of text.');
  for (const option of settingFlags(command.settings)) one.addOption(option);
  if (command.examples.length > 0) one.addHelpText('after', examplesOf(command));
  return one;
}

function syntaxOf({ name, optional, variadic }: Argument): string {
  const inner = variadic === true ? `${name}...` : name;
  return optional === true ? `[${inner}]` : `<${inner}>`;
}

function examplesOf({ examples }: Command): string {
  const lines = examples.map(({ command, does }) => `  ${does}\n    $ ${PROGRAM} ${command}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/**
 * Parses a command line. Throws a CommandError `usage` for one that is wrong.
 *
 * @param args without program, and without `--` and what follows it
 */
export function parseCommandLine(
  commands: readonly Command[],
  args: readonly string[],
  columns: number | undefined,
): Parsed | Printed {
  let parsed: Parsed | undefined;
  let text = '';
  const program = buildProgram(commands, (told) => (parsed = told));
  for (const one of [program, ...program.commands]) {
    one.exitOverride().configureOutput({
      writeOut: (part) => (text += part),
      writeErr: () => undefined,
      getOutHelpWidth: () => columns ?? 100,
      getErrHelpWidth: () => columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  }
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return { text };
    if (!(error instanceof CommanderError)) throw error;
    // Without a command commander prints its help as an error.
    if (error.code === 'commander.help') return { text: text === '' ? program.helpInformation() : text };
    throw new CommandError('usage', usageSentence(error, args));
  }
  if (parsed === undefined) return { text: program.helpInformation() };
  if (parsed.args.some((arg) => arg.trim() === ''))
    throw new CommandError(
      'usage',
      `An argument is empty, as of a variable that is not set. See "${PROGRAM} ${parsed.command.name} --help".`,
    );
  return parsed;
}

/** `error: unknown option '--tops'\n(Did you mean --top?)` as a sentence, and where to read on. */
function usageSentence({ message }: CommanderError, args: readonly string[]): string {
  const said = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .trim();
  const [command] = args;
  const topic =
    command === undefined || command.startsWith('-') || /unknown command/.test(said) ? '' : ` ${command}`;
  const sentence = `${said.charAt(0).toUpperCase()}${said.slice(1)}`;
  return `${/[.?)]$/.test(sentence) ? sentence : `${sentence}.`} See "${PROGRAM}${topic} --help".`;
}
