import { lstatSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { constants } from 'node:fs';
import path from 'node:path';

import { digest } from '../../../model/digest.js';
import { prepareLocalFolder } from '../../local/folder.js';
import type { LastParts } from '../writing/last-parts.js';

/** Of one file, and of all files of a project: a process that ends over and over while Redis is away fills no disk. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_FOLDER_BYTES = 64 * 1024 * 1024;

/** A clock that is set back makes files that are younger than nothing. */
const CLOCK_SLACK_MS = 60_000;

const VERSION = 1;

/** What a file has. */
export interface Spooled extends LastParts {
  readonly version: typeof VERSION;
  /** By the clock of this host, Unix milliseconds. */
  readonly writtenAtMs: number;
  readonly expiresAtMs: number;
}

export interface SpoolOptions {
  /** The directory of the local store. Default: a folder of this user in the system's folder for temporary files. */
  readonly directory: string | undefined;
  readonly prefix: string;
  /** Which Redis: what was meant for one is not sent to another. */
  readonly store: string;
}

/**
 * Files of this host with what processes could not send before their end, one for each. The next process of the project sends
 * them: {@link SpoolSender}.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #mark: string;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#mark = `${digest(options.store, 9)}.`;
  }

  /** The folder, made if need be, for its owner alone. Throws ORCHESTRATOR_STORE_REFUSED where that is not possible. */
  folder(): string {
    const { directory, prefix } = this.#options;
    // No prefix has a dot.
    return prepareLocalFolder(directory, `${prefix}.spool`);
  }

  /** Synchronous: the whole file or nothing. Throws if it cannot be written. */
  write(last: LastParts, ageMs: number): void {
    const now = Date.now();
    const spooled: Spooled = { version: VERSION, writtenAtMs: now, expiresAtMs: now + ageMs, ...last };
    const text = JSON.stringify(spooled, encodeNumbers);
    if (text.length > MAX_FILE_BYTES) throw new Error(`its values take more than ${MAX_FILE_BYTES} bytes`);
    const folder = this.folder();
    if (sizeOf(folder) + text.length > MAX_FOLDER_BYTES)
      throw new Error(`${folder} has more than ${MAX_FOLDER_BYTES} bytes of other processes`);
    const file = path.join(folder, `${this.#mark}${last.instance.lease}.json`);
    const unfinished = `${file}.new`;
    try {
      writeFileSync(unfinished, text, { flag: 'wx', mode: 0o600 });
      renameSync(unfinished, file);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  }

  /** The files for this Redis. */
  async files(): Promise<string[]> {
    const folder = this.folder();
    const names = await readdir(folder);
    return names
      .filter((name) => name.startsWith(this.#mark) && name.endsWith('.json'))
      .map((name) => path.join(folder, name));
  }

  /** Undefined for a file that is gone. Throws on one that cannot be used, whatever is done. */
  async read(file: string): Promise<Spooled | undefined> {
    const text = await readOwn(file);
    if (text === undefined) return undefined;
    const spooled = JSON.parse(text, decodeNumbers) as Spooled | null;
    const isWhole =
      spooled?.version === VERSION && spooled.prefix === this.#options.prefix && Array.isArray(spooled.parts);
    if (!isWhole) throw new SyntaxError('it was written by another version of this package');
    return spooled;
  }

  async remove(file: string): Promise<void> {
    await rm(file, { force: true });
  }
}

/** True for a file that is too old, or from a time that is still to come. */
export function isExpired({ writtenAtMs, expiresAtMs }: Spooled): boolean {
  const now = Date.now();
  return now > expiresAtMs || now < writtenAtMs - CLOCK_SLACK_MS;
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder))
    bytes += lstatSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

async function readOwn(file: string): Promise<string | undefined> {
  try {
    const stats = await lstat(file);
    if (!stats.isFile() || stats.size > 2 * MAX_FILE_BYTES)
      throw new SyntaxError('it is no file of this package');
    const noFollow: number | undefined = constants.O_NOFOLLOW;
    const handle = await open(file, constants.O_RDONLY | (noFollow ?? 0));
    try {
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** JSON has no NaN and no infinity; only the value of a gauge can be one. */
function encodeNumbers(key: string, value: unknown): unknown {
  return key === 'value' && typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function decodeNumbers(key: string, value: unknown): unknown {
  return key === 'value' && typeof value === 'string' ? Number(value) : value;
}
