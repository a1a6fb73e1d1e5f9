import {
  closeSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';

import { isPlace, openFlags, openingError, rightsToTake, type Creation } from '../file-identity.js';

const READ_BYTES = 64 * 1024;
const LINE_FEED = 10;

/**
 * The rest of an append-only file, read and written at once: for the end of a process, when no promise is resolved any more. The
 * same lines as of `AppendOnlyFile`, which goes on no more once there is a tail of it.
 */
export class LogTail {
  readonly path: string;
  readonly #fd: number;
  readonly #identity: BigIntStats;
  #position: number;
  #rest: Buffer[] = [];

  constructor(file: string, fd: number, identity: BigIntStats, position: number) {
    this.path = file;
    this.#fd = fd;
    this.#identity = identity;
    this.#position = position;
  }

  /** Throws as `openAppendOnly` does. */
  static open(file: string, create: Creation): LogTail {
    const fd = openDescriptor(file, create);
    try {
      const identity = fstatSync(fd, { bigint: true });
      if (rightsToTake(file, identity)) fchmodSync(fd, 0o600);
      return new LogTail(file, fd, identity, 0);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  isInPlace(): boolean {
    const stats = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    return stats !== undefined && isPlace(stats, this.#identity, this.#position);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    const written = writeSync(this.#fd, bytes, 0, bytes.length, null);
    if (written < bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes could be written`);
  }

  /** Reads lines until there are no more, or `take` answers true. Returns whether it did. */
  read(take: (line: string) => boolean): boolean {
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const bytesRead = readSync(this.#fd, buffer, 0, READ_BYTES, this.#position);
      this.#position += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
        const line = Buffer.concat([...this.#rest, bytes.subarray(start, end)]).toString();
        this.#rest = [];
        start = end + 1;
        if (take(line)) return true;
      }
      if (start < bytesRead) this.#rest.push(bytes.subarray(start));
      if (bytesRead < READ_BYTES) return false;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function openDescriptor(file: string, create: Creation): number {
  try {
    return openSync(file, openFlags(create), 0o600);
  } catch (error) {
    throw openingError(file, error);
  }
}
