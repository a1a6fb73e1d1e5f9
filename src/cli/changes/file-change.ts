import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { createTwoFilesPatch } from 'diff';

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

/** The text of a file of the application; undefined if there is none. */
export function textOfFile(folder: string, path: string): string | undefined {
  const file = join(folder, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
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

/** The change as `diff -u` shows it, without colours. */
export function patchOf({ path, before, after }: FileChange): string {
  const from = before === undefined ? '/dev/null' : path;
  const patch = createTwoFilesPatch(from, path, before ?? '', after, '', '', { context: 2 });
  const isRuler = (line: string): boolean => /^(?:Index: |=+$)/.test(line);
  return patch
    .split('\n')
    .filter((line) => !isRuler(line))
    .join('\n')
    .trimEnd();
}

/**
 * Writes the change, and a copy of the old file beside it unless an earlier run has left one: that one is older. The file is
 * replaced in one step and keeps its mode, so that a full disk leaves the old one.
 *
 * @returns the path of the backup, relative like the change's; undefined for a new file
 */
export function applyChange(folder: string, { path, before, after, secret }: FileChange): string | undefined {
  const file = join(folder, path);
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
