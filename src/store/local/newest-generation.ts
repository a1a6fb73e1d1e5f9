import path from 'node:path';

import { OrchestratorError, reason } from '../../errors.js';
import { type AppendOnlyFile, openAppendOnly } from './append-only-file.js';
import { readCheckpoint } from './checkpoint-file.js';
import {
  FIRST_GENERATION,
  isGone,
  logFile,
  logWithoutCheckpoint,
  newestCheckpoint,
  stateFile,
} from './generations.js';
import type { Replica } from './replica.js';

/** A file of the store that cannot be read, and with it the rest. */
export class DamagedFile extends Error {
  readonly file: string;

  constructor(file: string, why: unknown) {
    super(reason(why));
    this.file = file;
  }
}

/** The damage that an error stands for. Errors of another kind are thrown again. */
export function damageOf(file: string, error: unknown): DamagedFile {
  if (error instanceof DamagedFile) return error;
  const unreadable =
    error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError;
  if (!unreadable || error instanceof OrchestratorError) throw error;
  return new DamagedFile(file, error);
}

export interface OpenGeneration {
  readonly generation: string;
  readonly log: AppendOnlyFile;
}

/**
 * Reads the newest checkpoint into an empty replica, and opens the log that follows it. Resolves with undefined if the files
 * changed meanwhile. Throws {@link DamagedFile}.
 */
export async function openNewest(folder: string, replica: Replica): Promise<OpenGeneration | undefined> {
  let file = logFile(folder, FIRST_GENERATION);
  try {
    const generation = await newestCheckpoint(folder);
    if (generation === undefined) {
      const first = await openFirst(folder);
      return first && { generation: FIRST_GENERATION, log: first };
    }
    file = stateFile(folder, generation);
    await readCheckpoint(folder, generation, replica);
    const log = await openNext(folder, generation);
    return log && { generation, log };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw damageOf(file, error);
  }
}

/** The first log. Its time is over if there is a checkpoint by now. */
async function openFirst(folder: string): Promise<AppendOnlyFile | undefined> {
  const orphan = await logWithoutCheckpoint(folder);
  // Asked twice: the first listing may have missed a checkpoint that was written at that moment.
  if (orphan !== undefined && (await logWithoutCheckpoint(folder)) === orphan) {
    const log = logFile(folder, orphan);
    throw new DamagedFile(log, `the checkpoint of ${path.basename(log)} is gone`);
  }
  const log = await openAppendOnly(logFile(folder, FIRST_GENERATION), 'if absent');
  if ((await newestCheckpoint(folder)) === undefined) return log;
  await log.close();
  return undefined;
}

async function openNext(folder: string, generation: string): Promise<AppendOnlyFile | undefined> {
  try {
    return await openAppendOnly(logFile(folder, generation), 'never');
  } catch (error) {
    if (!isGone(error)) throw error;
    // Either there is a newer checkpoint by now, or only the log was deleted.
    if ((await newestCheckpoint(folder)) === generation)
      throw new RangeError(`${generation} has lost its log`);
    return undefined;
  }
}
