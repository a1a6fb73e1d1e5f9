import { accessSync, constants, lstatSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import type { FolderFacts } from '../checks/local-folder.js';

/** The folders of the local store that are there, the outer one first. Nothing is created. */
export function folderFacts(directory: string, isChosen: boolean, prefix: string): FolderFacts[] {
  return [
    { folder: directory, isPrivate: !isChosen },
    { folder: join(directory, prefix), isPrivate: true },
  ].flatMap((one) => {
    const facts = factsOf(one.folder);
    return facts === undefined ? [] : [{ ...one, ...facts }];
  });
}

function factsOf(folder: string): Omit<FolderFacts, 'isPrivate' | 'folder'> | undefined {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const kind = stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : 'other';
  return { kind, mode: stats.mode & 0o777, uid: stats.uid, isWritable: isWritable(folder), ...space(folder) };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function space(folder: string): Pick<FolderFacts, 'freeBytes' | 'fileSystem'> {
  try {
    const { bavail, bsize, type } = statfsSync(folder);
    return { freeBytes: bavail * bsize, fileSystem: type };
  } catch {
    return { freeBytes: undefined, fileSystem: undefined };
  }
}
