import type { SettingName, Settings } from '../config/settings.js';
import type { Flags, FlagValues } from './arguments/flags.js';
import type { Ending } from './exit-codes.js';
import type { Terminal } from './output/terminal.js';

/** A word of the command line that is no flag. */
export interface Argument {
  readonly name: string;
  readonly description: string;
  /** Default: it has to be there. */
  readonly optional?: true;
  /** Takes all that follow. */
  readonly variadic?: true;
  /** The shell completes it with the names of the store's projects. */
  readonly isProject?: true;
}

export interface Example {
  /** Without the name of the program: `series shop --top 5`. */
  readonly command: string;
  readonly does: string;
}

/** One call of a command. */
export interface Call<F extends Flags = Flags> {
  /** The arguments in their order; those that were left out are missing. */
  readonly args: readonly string[];
  /** What follows `--`. */
  readonly rest: readonly string[];
  readonly flags: FlagValues<F>;
  /** Print JSON, and nothing else, on stdout. */
  readonly json: boolean;
  /** From the flags, the environment and the defaults, in this order. */
  readonly settings: Settings;
  /** Which settings came from a flag. */
  readonly givenSettings: ReadonlySet<SettingName>;
  readonly terminal: Terminal;
  /** All of the program. */
  readonly commands: readonly Command[];
  /** Ended by Ctrl+C, SIGTERM, SIGHUP and SIGQUIT, for commands that go on until then. */
  readonly signal: AbortSignal;
}

/** One command: a file of `commands/`, and one line in `commands.ts`. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** More, for the help of the command itself. Lines are wrapped. */
  readonly description?: string;
  readonly args: readonly Argument[];
  readonly flags: Flags;
  /** Settings that the help shows. All others are taken as well. */
  readonly settings: readonly SettingName[];
  readonly examples: readonly Example[];
  /** Not in the help. */
  readonly isHidden?: true;
  /** It goes on until it is told to end, and then ends in order: `serve`, `watch`. */
  readonly isLasting?: true;
  readonly run: (call: Call<never>) => Promise<Ending | void>;
}

/** A command with the types of its own flags. */
export interface CommandDefinition<F extends Flags> extends Omit<Command, 'flags' | 'run' | 'args'> {
  readonly args?: readonly Argument[];
  readonly flags?: F;
  /** Resolves with how the process ends; default: `done`. Rejects with a CommandError, or an error of the package. */
  readonly run: (call: Call<F>) => Promise<Ending | void>;
}

const NO_FLAGS: Flags = {};

export function defineCommand<F extends Flags>(definition: CommandDefinition<F>): Command {
  const { args = [], flags = NO_FLAGS } = definition;
  return { ...definition, args, flags };
}
