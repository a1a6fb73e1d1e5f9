import { statSync } from 'node:fs';
import { resolve } from 'node:path';

import { CommandError } from '../exit-codes.js';

/** The folder that a flag names, absolute. Throws a CommandError if there is none. */
export function existingFolder(flag: string, path: string): string {
  const folder = resolve(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new CommandError('noInput', `${flag}: there is no folder ${folder}.`);
}
