import { statfs } from 'node:fs/promises';

import { checkpointSize } from './checkpoint-file.js';

/** Of a log on a disk that is nearly full. */
const SMALL_LOG_BYTES = 64 * 1024;

/** Before so many more bytes nobody looks again whether a log is too long: that takes questions to the file system. */
const LOOK_BYTES = 16 * 1024;

export interface LogSize {
  readonly folder: () => string;
  /** Of the log, as far as it was read. */
  readonly bytes: number;
  /** What a checkpoint made now would hold; undefined if only a copy of the project could tell. */
  readonly rows: number | undefined;
}

/** A checkpoint and the log that follows it. */
export class Generation {
  readonly name: string;
  /** Of the checkpoint. */
  readonly #rows: number;
  #lookedAtBytes = 0;

  constructor(name: string, rows: number) {
    this.name = name;
    this.#rows = rows;
  }

  /**
   * Whether a process that starts would read much for nothing: more than `logBytes`, and than twice what a checkpoint made now
   * would hold. Earlier where little room is left, so that a disk is not filled by what nobody needs.
   *
   * @param thorough looks also if the log itself is short, or was looked at a moment ago
   */
  async isWorthCheckpoint(
    { folder, bytes, rows }: LogSize,
    logBytes: number,
    thorough: boolean,
  ): Promise<boolean> {
    const grown = bytes - this.#lookedAtBytes;
    const isShort = bytes < Math.min(logBytes, SMALL_LOG_BYTES) || grown < Math.min(logBytes, LOOK_BYTES);
    if (isShort && !thorough) return false;
    this.#lookedAtBytes = bytes;
    const path = folder();
    const checkpointBytes = await checkpointSize(path, this.name);
    const share = rows === undefined ? 1 : rows / Math.max(1, this.#rows);
    const liveBytes = checkpointBytes * Math.min(1, share);
    const wasted = bytes + checkpointBytes - liveBytes;
    if (wasted >= Math.max(logBytes, 2 * liveBytes)) return true;
    const { bavail, bsize } = await statfs(path);
    // The next checkpoint and its log stand beside these before these are deleted.
    return (
      bavail * bsize < 2 * logBytes + 4 * liveBytes && wasted >= Math.max(SMALL_LOG_BYTES, liveBytes / 2)
    );
  }
}
