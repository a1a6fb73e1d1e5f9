import { constants, type BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

import { yieldToEventLoop } from '../../event-loop/fair-yield.js';

const READ_BYTES = 64 * 1024;
const LINE_FEED = 10;
/** After this much work without a break, the event loop goes on. */
const SLICE_MS = 2;

/** `create`: `never` fails with ENOENT, `always` with EEXIST. */
export async function openAppendOnly(
  file: string,
  create: 'never' | 'if absent' | 'always',
): Promise<AppendOnlyFile> {
  const { O_RDWR, O_APPEND, O_CREAT, O_EXCL } = constants;
  // Undefined on Windows.
  const noFollow: number | undefined = constants.O_NOFOLLOW;
  const creating = create === 'never' ? 0 : create === 'always' ? O_CREAT | O_EXCL : O_CREAT;
  const handle = await open(file, O_RDWR | O_APPEND | creating | (noFollow ?? 0), 0o600);
  try {
    const identity = await handle.stat({ bigint: true });
    await makePrivate(handle, file, identity);
    return new AppendOnlyFile(file, handle, identity);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that another process writes. It is not made private, and need not be writable. Fails with ENOENT. */
export async function openForReading(file: string): Promise<AppendOnlyFile> {
  const noFollow: number | undefined = constants.O_NOFOLLOW;
  const handle = await open(file, constants.O_RDONLY | (noFollow ?? 0));
  try {
    return new AppendOnlyFile(file, handle, await handle.stat({ bigint: true }));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** As with folders: what a volume's mount gave to a group is taken away, and what another user put there is not read. */
async function makePrivate(handle: FileHandle, file: string, { uid, mode }: BigIntStats): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined) return;
  if (uid !== BigInt(own)) throw new RangeError(`${file} belongs to user ${uid}`);
  if ((mode & 0o077n) !== 0n) await handle.chmod(0o600);
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

  /** False when the file was deleted, replaced or cut. While it is open, no other file can have its inode. */
  async isInPlace(): Promise<boolean> {
    try {
      const { dev, ino, size } = await stat(this.path, { bigint: true });
      return dev === this.#identity.dev && ino === this.#identity.ino && size >= this.#position;
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
      this.#position += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
        const line = this.#line(bytes.subarray(start, end));
        start = end + 1;
        if (take(line)) return true;
        if (performance.now() - sliceMark > SLICE_MS) {
          await yieldToEventLoop();
          sliceMark = performance.now();
        }
      }
      if (start < bytesRead) this.#rest.push(Buffer.from(bytes.subarray(start)));
      // The end of the file. An idle process reads often, and mostly nothing: one question instead of two.
      if (bytesRead < READ_BYTES) return false;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #line(end: Buffer): string {
    if (this.#rest.length === 0) return end.toString();
    const line = Buffer.concat([...this.#rest, end]).toString();
    this.#rest = [];
    return line;
  }
}
