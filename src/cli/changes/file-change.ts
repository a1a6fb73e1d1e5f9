import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { reason } from '../../errors.js';
import { CommandError } from '../exit-codes.js';

/** What a command would like to write into one file. */
export interface FileChange {
  /** Relative to the application's folder. */
  readonly path: string;
  /** Undefined for a new file. */
  readonly before: string | undefined;
  readonly after: string;
  /** One sentence. */
  readonly why: string;
  /** It has a password in it: a new file is for its owner alone, and no terminal shows it. */
  readonly secret?: true;
}

/** A copy of the file as it was gets this ending. */
export const BACKUP_ENDING = '.before-orchestrator';

/** The text of a file of the application; undefined if there is none. Throws a CommandError for one that cannot be read. */
export function textOfFile(folder: string, path: string): string | undefined {
  const file = join(folder, path);
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  } catch (error) {
    throw new CommandError('noInput', `${file} cannot be read: ${reason(error)}.`);
  }
}

/** A change, or undefined when the file says that already. */
export function fileChange(
  folder: string,
  path: string,
  why: string,
  edit: (before: string | undefined) => string,
): FileChange | undefined {
  const before = textOfFile(folder, path);
  const after = edit(before);
  return after === before ? undefined : { path, before, after, why };
}

/**
 * Writes the change, and a copy of the old file beside it unless an earlier run has left one: that one is older. The file is
 * replaced in one step and keeps its mode, so that a full disk leaves the old one.
 *
 * @param written what the same command has written before, for the sentence about a failure
 * @returns the path of the backup, relative like the change's; undefined for a new file
 * @throws CommandError `cannotWrite`
 */
export function applyChange(
  folder: string,
  change: FileChange,
  written: readonly string[],
): string | undefined {
  try {
    return replaceFile(folder, change);
  } catch (error) {
    const state = change.before === undefined ? 'It was not created' : 'It is as it was';
    const others = written.length === 0 ? '' : ` Written before it: ${written.join(', ')}.`;
    throw new CommandError(
      'cannotWrite',
      `${join(folder, change.path)} cannot be written: ${reason(error)}. ${state}.${others}`,
    );
  }
}

function replaceFile(folder: string, { path, before, after, secret }: FileChange): string | undefined {
  const named = join(folder, path);
  // A link stays one: what it leads to is replaced.
  const file = before === undefined ? named : realpathSync(named);
  mkdirSync(dirname(file), { recursive: true });
  const backup = before === undefined ? undefined : `${path}${BACKUP_ENDING}`;
  if (backup !== undefined && !existsSync(join(folder, backup))) copyFileSync(file, join(folder, backup));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(
      temporary,
      after,
      before === undefined ? (secret === true ? { mode: 0o600 } : {}) : { mode: statSync(file).mode & 0o777 },
    );
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return backup;
}
