import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  statSync,
  type Stats,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

import { OrchestratorError, orchestratorError } from '../../errors.js';

/** The default directory of local stores: a folder of this user in the system's folder for temporary files. */
export function defaultLocalDirectory(): string {
  return path.join(tmpdir(), `orchestrator-${process.getuid?.() ?? userInfo().username}`);
}

/**
 * The folder of one project, created if need be, for its owner alone (0700). Throws `ORCHESTRATOR_STORE_REFUSED` for a
 * folder that is a link, that another user owns, or that all users may write to: in a shared temporary folder anyone could
 * create it first, and then read and forge this project's metrics.
 *
 * A directory that the user chose may belong to another user, as the root of a volume does; only the project's folder in it
 * is checked in full.
 */
export function prepareLocalFolder(directory: string | undefined, prefix: string): string {
  const parent = directory ?? defaultLocalDirectory();
  const folder = path.join(parent, prefix);
  try {
    // One after the other: through a link, a folder would be made in a place that someone else chose.
    makeFolder(parent);
    if (directory === undefined) makePrivate(parent);
    else assertDirectory(parent, lstatSync(parent));
    makeFolder(folder);
    makePrivate(folder);
    // The folder may be from an earlier time, and its file system read-only by now.
    accessSync(folder, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (error instanceof OrchestratorError) throw error;
    const options = { cause: error };
    throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'unusableFolder', { folder, error }, options);
  }
  return folder;
}

/**
 * The folder of one project, for reading: nothing is created and no right is changed. Undefined if there is none. Throws
 * `ORCHESTRATOR_STORE_REFUSED` for a folder that {@link prepareLocalFolder} refuses; root reads those of all users.
 */
export function localFolderToRead(directory: string | undefined, prefix: string): string | undefined {
  const parent = directory ?? defaultLocalDirectory();
  const folder = path.join(parent, prefix);
  for (const one of [parent, folder]) {
    const stats = lstatSync(one, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    assertDirectory(one, stats);
    if (one === folder || directory === undefined) assertOwn(one, stats);
  }
  return folder;
}

/**
 * Not mkdir's `recursive`: it tries for ever where the parent exists and mkdir says ENOENT all the same, as in /proc and
 * under some automounters (Node 20, 22 and 24). The application would hang at its start.
 */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const parent = path.dirname(folder);
    if (existsSync(parent)) throw error;
    makeFolder(parent);
    makeFolder(folder);
  }
}

function assertDirectory(folder: string, stats: Stats): void {
  if (stats.isSymbolicLink()) refuse(folder, 'it is a link');
  if (!stats.isDirectory()) refuse(folder, 'it is not a folder');
}

/**
 * Takes the rights of group and others away. A group gets them without anyone's doing: at each mount of a volume, Kubernetes
 * gives the pod's `fsGroup` the right to write to every folder and file in it.
 */
function makePrivate(folder: string): void {
  const stats = lstatSync(folder);
  assertDirectory(folder, stats);
  const uid = process.getuid?.();
  // Windows has neither; its temporary folder is the user's own.
  if (uid === undefined) return;
  if (stats.uid !== uid) refuseOwner(folder, stats.uid, uid);
  assertNotPublic(folder, stats);
  if ((stats.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function assertOwn(folder: string, stats: Stats): void {
  const uid = process.getuid?.();
  if (uid === undefined) return;
  if (uid !== 0 && stats.uid !== uid) refuseOwner(folder, stats.uid, uid);
  assertNotPublic(folder, stats);
}

function assertNotPublic(folder: string, { mode }: Stats): void {
  if ((mode & 0o002) !== 0) refuse(folder, 'all users may write to it');
}

function refuseOwner(folder: string, owner: number, uid: number): never {
  refuse(folder, `it belongs to user ${owner}, and this process runs as ${uid}`);
}

function refuse(folder: string, why: string): never {
  throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'unsafeFolder', { folder, why });
}
