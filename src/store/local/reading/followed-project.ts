import { type AppendOnlyFile, openForReading } from '../append-only-file.js';
import { readCheckpoint } from '../checkpoint-file.js';
import { FIRST_GENERATION, isGone, logFile, newestCheckpoint } from '../generations.js';
import type { LogRecord, SealRecord } from '../log-record.js';
import { UnreadableRecord } from '../records/read-record.js';
import { Replica } from '../replica.js';
import { StoreClock } from '../store-clock.js';
import type { ProjectState } from '../../state/project-state.js';

/** The files may change while they are read: a new generation, a folder that is deleted and made again. */
const ATTEMPTS = 20;

/** A copy that is only read writes as nobody. */
const NOBODY = { lease: '', leaseMs: 0, maxSeries: 0 };

/**
 * A project of the local store as its processes write it: the same copy as each of them has, made without changing a file.
 * What is damaged is left to them; so are checkpoints and old generations.
 */
export class FollowedProject {
  readonly #folder: string;
  readonly #clock = new StoreClock();
  #replica = new Replica(NOBODY);
  #log: AppendOnlyFile | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get state(): ProjectState {
    return this.#replica.state;
  }

  /** The store's time, Unix milliseconds. */
  now(): number {
    return this.#clock.now(this.#replica.bootTime, this.#replica.latestAtMs);
  }

  /** Reads all that was written until now. One call at a time. */
  async catchUp(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      this.#log ??= await this.#open();
      const log = this.#log;
      if (log === undefined) return;
      const seal = await this.#read(log);
      if (seal === undefined && (await log.isInPlace())) return;
      await this.close();
      // Else the files were deleted, and the next attempt begins with those that are there now.
      if (seal !== undefined) await this.#follow(seal);
    }
    throw new Error('its files change faster than they can be read');
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** Undefined if there is no file. */
  async #open(): Promise<AppendOnlyFile | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      this.#replica = new Replica(NOBODY);
      try {
        const generation = await newestCheckpoint(this.#folder);
        if (generation !== undefined)
          await readCheckpoint(this.#folder, generation, this.#replica, openForReading);
        return await openForReading(logFile(this.#folder, generation ?? FIRST_GENERATION));
      } catch (error) {
        if (!isGone(error)) throw error;
        // Replaced by newer ones while they were read, or none at all.
        if ((await this.#generation()) === undefined) return undefined;
      }
    }
    throw new Error('its files change faster than they can be opened');
  }

  async #generation(): Promise<string | undefined> {
    try {
      return await newestCheckpoint(this.#folder);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async #read(log: AppendOnlyFile): Promise<SealRecord | undefined> {
    let seal: SealRecord | undefined;
    try {
      await log.read((line) => {
        const record = this.#carryOut(line, log.path);
        if (record?.kind === 'seal') seal = record;
        return seal !== undefined;
      });
    } catch (error) {
      // The copy has only a part of what was read: the next call begins again.
      await this.close();
      throw error;
    }
    return seal;
  }

  /** The record of a line; undefined if there is none, or one that the processes of the project leave out as well. */
  #carryOut(line: string, path: string): LogRecord | undefined {
    try {
      return this.#replica.carryOut(line, path);
    } catch (error) {
      if (error instanceof UnreadableRecord) return undefined;
      throw error;
    }
  }

  /** Goes on to the log that the seal names, as the processes of the project do; or begins again if it is gone. */
  async #follow({ next }: SealRecord): Promise<void> {
    this.#replica.prune();
    try {
      this.#log = await openForReading(logFile(this.#folder, next));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
