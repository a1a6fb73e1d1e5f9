import { accessSync, constants, lstatSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** One folder of the local store as it is; undefined where there is none yet. */
export interface FolderFacts {
  readonly folder: string;
  /** It was not chosen by ORCHESTRATOR_LOCAL_DIR, or it is the project's own: nobody else may have it. */
  readonly isPrivate: boolean;
  readonly kind: 'folder' | 'link' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly isWritable: boolean;
  /** Bytes; undefined if the system does not say. */
  readonly freeBytes: number | undefined;
  /** The type of the file system as statfs gives it. */
  readonly fileSystem: number | undefined;
}

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
