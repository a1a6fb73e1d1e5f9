import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';

import { yieldToEventLoop } from '../../event-loop/fair-yield.js';
import { type AppendOnlyFile, openAppendOnly } from './append-only-file.js';
import { encodeCheckpoint, restoreLine } from './checkpoint.js';
import { newStateFile, stateFile } from './generations.js';
import type { Replica } from './replica.js';

/**
 * Reads the checkpoint of a generation into an empty replica. Throws on one that is damaged.
 *
 * @param opened how the file is opened; default: as one's own
 */
export async function readCheckpoint(
  folder: string,
  generation: string,
  replica: Replica,
  opened: (file: string) => Promise<AppendOnlyFile> = (file) => openAppendOnly(file, 'never'),
): Promise<void> {
  const checkpoint = await opened(stateFile(folder, generation));
  try {
    const complete = await checkpoint.read((line) => restoreLine(replica, line));
    if (!complete) throw new RangeError(`${checkpoint.path} has no end`);
  } finally {
    await checkpoint.close();
  }
}

/** Writes the checkpoint of a generation: it is there as a whole or not at all. Resolves with whether it is. */
export async function writeCheckpoint(
  folder: string,
  generation: string,
  replica: Replica,
): Promise<boolean> {
  const unfinished = newStateFile(folder, generation, randomBytes(6).toString('hex'));
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      for (const line of encodeCheckpoint(replica)) {
        await file.writeFile(line);
        await yieldToEventLoop();
      }
    } finally {
      await file.close();
    }
    await rename(unfinished, stateFile(folder, generation));
    return true;
  } catch {
    await rm(unfinished, { force: true }).catch(() => undefined);
    return false;
  }
}

/** Bytes; 0 without a checkpoint. */
export async function checkpointSize(folder: string, generation: string): Promise<number> {
  try {
    return (await stat(stateFile(folder, generation))).size;
  } catch {
    return 0;
  }
}
