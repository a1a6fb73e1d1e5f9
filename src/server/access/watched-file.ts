import { open } from 'node:fs/promises';

import { deadline } from '../../event-loop/deadline.js';

/** A file is looked at no more often, in milliseconds: a look is a call of the system on another thread. */
const LOOK_MS = 1000;

/** A file system that hangs must not hang a scrape. What was read before holds then. */
const WAIT_MS = 1000;

/** Tokens, users and certificates are some kilobytes. */
const MAX_BYTES = 1024 * 1024;

export interface WatchedFileOptions<T> {
  /** The setting that names the file. */
  readonly setting: string;
  readonly path: string;
  /** Throws when the file holds nothing that can be used. */
  readonly parse: (text: string) => T;
  /** Is told why the file cannot be used, once for each reason. */
  readonly failed: (error: unknown, file: { readonly setting: string; readonly path: string }) => void;
}

/**
 * What a file holds, read again when the file has changed: looked at when it is asked for, so that nobody who does not ask
 * pays, and no timer runs. A link is followed, because Kubernetes exchanges the files of a Secret that way. A file that cannot
 * be read, or holds nothing that can be used, leaves what was there before.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #value: T | undefined;
  /** Which contents `#value` is of. */
  #version: string | undefined;
  #lookedMark = -Infinity;
  #looking: Promise<void> | undefined;
  #complaint: string | undefined;

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
  }

  /** The value of the contents that the file has now, or had when it could last be used; undefined if it never could. */
  async current(): Promise<T | undefined> {
    if (performance.now() - this.#lookedMark >= LOOK_MS) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    if (this.#looking !== undefined)
      await deadline(this.#looking, WAIT_MS, () => new Error('late')).catch(() => undefined);
    return this.#value;
  }

  async #look(): Promise<void> {
    try {
      const read = await readIfNew(this.#options.path, this.#version);
      if (read === undefined) return;
      this.#version = read.version;
      this.#value = this.#options.parse(read.text);
      this.#complaint = undefined;
    } catch (error) {
      const complaint = String(error);
      if (complaint !== this.#complaint) this.#options.failed(error, this.#options);
      this.#complaint = complaint;
    } finally {
      this.#lookedMark = performance.now();
    }
  }
}

/** Undefined if the file is still of that version. The version is older than the text: a change in between is seen next time. */
async function readIfNew(
  path: string,
  version: string | undefined,
): Promise<{ readonly version: string; readonly text: string } | undefined> {
  const file = await open(path);
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) throw new Error('it is no file');
    if (stats.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    const found = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    return found === version ? undefined : { version: found, text: await file.readFile('utf8') };
  } finally {
    await file.close();
  }
}
