import { statfs } from 'node:fs/promises';

import { checkpointSize } from './checkpoint-file.js';

/** Of a log on a disk that is nearly full. */
const SMALL_LOG_BYTES = 64 * 1024;

export interface LogSize {
  readonly folder: string;
  readonly generation: string;
  /** Of the log, as far as it was read. */
  readonly bytes: number;
  /** What a checkpoint made now would hold, and what the one at the beginning of this log held. */
  readonly rows: number;
  readonly checkpointRows: number;
}

/**
 * Whether a process that starts would read much for nothing: more than `logBytes`, and than twice what a checkpoint made now would
 * hold. Earlier where little room is left, so that a disk is not filled by what nobody needs.
 *
 * @param thorough looks also if the log itself is short
 */
export async function isWorthCheckpoint(
  size: LogSize,
  logBytes: number,
  thorough: boolean,
): Promise<boolean> {
  const { folder, generation, bytes, rows, checkpointRows } = size;
  if (bytes < Math.min(logBytes, SMALL_LOG_BYTES) && !thorough) return false;
  const checkpointBytes = await checkpointSize(folder, generation);
  const liveBytes = checkpointBytes * Math.min(1, rows / Math.max(1, checkpointRows));
  const wasted = bytes + checkpointBytes - liveBytes;
  if (wasted >= Math.max(logBytes, 2 * liveBytes)) return true;
  const { bavail, bsize } = await statfs(folder);
  // The next checkpoint and its log stand beside these before these are deleted.
  return bavail * bsize < 2 * logBytes + 4 * liveBytes && wasted >= Math.max(SMALL_LOG_BYTES, liveBytes / 2);
}
