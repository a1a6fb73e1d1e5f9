import { OrchestratorError, reason, type ErrorCode } from '../errors.js';

export type Ending =
  | 'done'
  | 'findings'
  | 'broken'
  | 'usage'
  | 'data'
  | 'noInput'
  | 'unavailable'
  | 'internal'
  | 'cannotWrite'
  | 'refused'
  | 'settings'
  | 'interrupted';

export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

/**
 * How a command ended, once, as data: the page of the commands lists it. From 64 on they are those of sysexits.h, so that a
 * script can tell what to try again from what to correct.
 */
export const EXIT_CODES: Readonly<Record<Ending, ExitCode>> = {
  done: { code: 0, meaning: 'Done.' },
  findings: {
    code: 1,
    meaning:
      'Done, and there is something to look at: `doctor` has warnings, `diff --exit-code` found differences, or you answered no.',
  },
  broken: { code: 2, meaning: '`doctor` found something that does not work.' },
  usage: { code: 64, meaning: 'The command line is wrong: an unknown command, flag or value.' },
  data: {
    code: 65,
    meaning: 'What was read cannot be used: a file of another kind, data of another version.',
  },
  noInput: { code: 66, meaning: 'There is no such project, or no such file.' },
  unavailable: { code: 69, meaning: 'The store, or another server, cannot be reached or does not answer.' },
  internal: { code: 70, meaning: 'A defect of this package. Report it with its output.' },
  cannotWrite: {
    code: 74,
    meaning: 'The output or a file could not be written, for example because the disk is full.',
  },
  refused: { code: 77, meaning: 'The store said no: password, rights, a folder of another user.' },
  settings: { code: 78, meaning: 'A setting is wrong or missing.' },
  interrupted: { code: 130, meaning: 'Interrupted: Ctrl+C.' },
};

/** A command that cannot do what it was asked to: one sentence for a person, and how the process ends. */
export class CommandError extends Error {
  readonly ending: Ending;

  constructor(ending: Ending, message: string, options?: ErrorOptions) {
    super(message, options);
    this.ending = ending;
  }
}

const ENDINGS: Readonly<Record<ErrorCode, Ending>> = {
  ORCHESTRATOR_INVALID_SETTING: 'settings',
  ORCHESTRATOR_ALREADY_STARTED: 'internal',
  ORCHESTRATOR_NOT_RUNNING: 'internal',
  ORCHESTRATOR_PREFIX_TAKEN: 'refused',
  ORCHESTRATOR_SCHEMA_MISMATCH: 'data',
  ORCHESTRATOR_STORE_UNAVAILABLE: 'unavailable',
  ORCHESTRATOR_STORE_REFUSED: 'refused',
  ORCHESTRATOR_STORE_CLOSED: 'internal',
};

/** How the process ends after an error. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommandError) return error.ending;
  if (isFull(error)) return 'cannotWrite';
  if (error instanceof OrchestratorError) return ENDINGS[error.code];
  return 'internal';
}

/** What a person reads about an error. */
export function sentenceOf(error: unknown): string {
  if (endingOf(error) !== 'internal') return reason(error);
  const stack = error instanceof Error ? (error.stack ?? reason(error)) : reason(error);
  return `This is a defect of @org/orchestrator. Report it with these lines.\n${stack}`;
}

/** True if a disk, or the memory that Redis may use, is full. */
function isFull(error: unknown): boolean {
  return /\b(?:ENOSPC|EDQUOT)\b|no space left|OOM command not allowed|bytes could be written/.test(
    reason(error),
  );
}
