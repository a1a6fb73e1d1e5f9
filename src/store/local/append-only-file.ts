import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

import { yieldToEventLoop } from '../../event-loop/fair-yield.js';
import {
  assertFile,
  type Creation,
  isPlace,
  openFlags,
  openingError,
  READING_FLAGS,
  rightsToTake,
} from './file-identity.js';
import { LogTail } from './ending/log-tail.js';

const READ_BYTES = 64 * 1024;
const LINE_FEED = 10;
/** After this much work without a break, the event loop goes on. */
const SLICE_MS = 2;

export async function openAppendOnly(file: string, create: Creation): Promise<AppendOnlyFile> {
  const handle = await open(file, openFlags(create), 0o600).catch((error: unknown) => {
    throw openingError(file, error);
  });
  try {
    const identity = await handle.stat({ bigint: true });
    if (rightsToTake(file, identity)) await handle.chmod(0o600);
    return new AppendOnlyFile(file, handle, identity);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that another process writes. It is not made private, and need not be writable. Fails with ENOENT. */
export async function openForReading(file: string): Promise<AppendOnlyFile> {
  const handle = await open(file, READING_FLAGS).catch((error: unknown) => {
    throw openingError(file, error);
  });
  try {
    const identity = await handle.stat({ bigint: true });
    assertFile(file, identity);
    return new AppendOnlyFile(file, handle, identity);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * One append-only file of lines that any number of processes write to and read. Each line is written by a single `write`
 * on a descriptor in append mode. Local file systems carry out such writes as a whole, one after the other. So there is no
 * lock, and none that a stopped or killed process could keep.
 */
export class AppendOnlyFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #identity: BigIntStats;
  /** Kept, since calls follow one another: a new one for each call is what most of an idle process' garbage was. */
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #position = 0;
  /** Bytes of the lines that were taken. */
  #taken = 0;
  #isEnded = false;
  /** Bytes of a line whose end has not been read yet. */
  #rest: Buffer[] = [];

  constructor(file: string, handle: FileHandle, identity: BigIntStats) {
    this.path = file;
    this.#handle = handle;
    this.#identity = identity;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** False when the file was deleted, replaced or cut. */
  async isInPlace(): Promise<boolean> {
    try {
      return isPlace(await lstat(this.path, { bigint: true }), this.#identity, this.#position);
    } catch {
      return false;
    }
  }

  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, null);
    // The file system is full. The rest must not follow in a second write, behind another process's line.
    if (bytesWritten < bytes.length)
      throw new Error(`only ${bytesWritten} of ${bytes.length} bytes could be written`);
  }

  /**
   * Reads the lines that were added since the last call, until there are no more or `take` answers true. Resolves with
   * whether it did.
   */
  async read(take: (line: string) => boolean): Promise<boolean> {
    let sliceMark = performance.now();
    const buffer = this.#buffer;
    for (;;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, READ_BYTES, this.#position);
      this.#assertGoesOn();
      this.#position += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
        const line = this.#line(bytes.subarray(start, end));
        start = end + 1;
        this.#taken = this.#position - bytesRead + start;
        if (take(line)) return true;
        if (performance.now() - sliceMark > SLICE_MS) {
          await yieldToEventLoop();
          this.#assertGoesOn();
          sliceMark = performance.now();
        }
      }
      if (start < bytesRead) this.#rest.push(Buffer.from(bytes.subarray(start)));
      // The end of the file. An idle process reads often, and mostly nothing: one question instead of two.
      if (bytesRead < READ_BYTES) return false;
    }
  }

  /** What was not taken yet, to be read at once. This one goes on no more. */
  tail(): LogTail {
    this.#isEnded = true;
    return new LogTail(this.path, this.#handle.fd, this.#identity, this.#taken);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #assertGoesOn(): void {
    if (this.#isEnded) throw new Error('the process was about to end');
  }

  #line(end: Buffer): string {
    if (this.#rest.length === 0) return end.toString();
    const line = Buffer.concat([...this.#rest, end]).toString();
    this.#rest = [];
    return line;
  }
}
