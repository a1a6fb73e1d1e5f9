import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { OrchestratorError, reason } from '../../errors.js';
import { encodeCheckpoint, restoreLine } from './checkpoint.js';
import {
  deleteOlder,
  FIRST_GENERATION,
  generationAfter,
  isGone,
  logFile,
  newestCheckpoint,
  newStateFile,
  setAside,
  stateFile,
  touch,
} from './generations.js';
import { type AppendOnlyFile, openAppendOnly } from './append-only-file.js';
import { type Change, decodeRecord, encodeRecord, type SealRecord } from './log-record.js';
import { Replica } from './replica.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import type { ProjectState } from '../state/project-state.js';

/** Every attempt that fails means that another process began a new generation, or that someone deleted the folder. */
const ATTEMPTS = 20;

/** This process's place in the project's logs: which one it reads, how far it has come, and what it knows by that. */
export class ProjectLog {
  #replica: Replica;
  #log: AppendOnlyFile | undefined;
  #generation = FIRST_GENERATION;
  /** Of this instance's records: the last one written, and the last one that took effect. */
  #written = 0;
  #executed = 0;
  readonly #context: StoreContext;
  readonly #prepareFolder: () => string;

  constructor(context: StoreContext, prepareFolder: () => string) {
    this.#context = context;
    this.#prepareFolder = prepareFolder;
    this.#replica = new Replica(context);
  }

  get replica(): Replica {
    return this.#replica;
  }

  get state(): ProjectState {
    return this.#replica.state;
  }

  /** Reads what all processes wrote until now. Rejects if the data belong to another project or schema. */
  async catchUp(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const log = this.#log ?? (await this.#load());
      if (log === undefined) continue;
      const seal = await this.#read(log);
      if (seal !== undefined) {
        await this.#follow(seal);
      } else if (await log.isInPlace()) {
        this.state.assertOwner(this.#context.prefix, this.#context.project);
        return;
      } else {
        // Deleted by someone, or by a checkpoint that was made since the end was reached: begin from what is there now.
        await this.close();
      }
    }
    throw new Error('its files change faster than they can be read');
  }

  /** Adds a change behind all others and reads up to it. False if it came to nothing: behind a seal, or to a deleted file. */
  async submit(change: Change): Promise<boolean> {
    if (this.#log === undefined) return false;
    this.#written += 1;
    const { project, lease } = this.#context;
    await this.#log.append(
      encodeRecord({ v: SCHEMA_VERSION, project, lease, number: this.#written, ...change }),
    );
    await this.catchUp();
    return this.#executed === this.#written;
  }

  /** Begins the next log if this one is longer than `logBytes` and than twice its checkpoint. */
  async compact(logBytes: number): Promise<void> {
    if (this.#log === undefined || this.#log.position < logBytes) return;
    const folder = this.#prepareFolder();
    const checkpointBytes = await sizeOf(stateFile(folder, this.#generation));
    if (this.#log.position < 2 * checkpointBytes) return;
    const next = generationAfter(this.#generation, randomBytes(6).toString('hex'));
    // Before the seal that names it: who reads the seal finds the log.
    const log = await openAppendOnly(logFile(folder, next), 'always');
    await log.close();
    await this.submit({ kind: 'seal', next });
  }

  /** Keeps the files from looking unused. */
  async touch(): Promise<void> {
    await touch(this.#prepareFolder(), this.#generation);
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  async #read(log: AppendOnlyFile): Promise<SealRecord | undefined> {
    let seal: SealRecord | undefined;
    try {
      await log.read((line) => {
        const record = decodeRecord(line);
        if (record === undefined) return false;
        this.#replica.execute(record);
        if (record.lease === this.#context.lease) this.#executed = record.number;
        if (record.kind === 'seal') seal = record;
        return seal !== undefined;
      });
    } catch (error) {
      // Half of what was read is missing from the copy: the next call begins again.
      await this.close();
      await this.#setAside(log.path, error);
    }
    return seal;
  }

  /** Goes on to the log that the seal names. All processes forget the same here; one of them writes it down. */
  async #follow({ next, lease }: SealRecord): Promise<void> {
    await this.close();
    this.#replica.prune();
    const folder = this.#prepareFolder();
    if (lease === this.#context.lease) await this.#writeCheckpoint(folder, next);
    try {
      this.#log = await openAppendOnly(logFile(folder, next), 'never');
      this.#generation = next;
    } catch (error) {
      // More than one generation behind: the next attempt loads the newest.
      if (!isGone(error)) throw error;
    }
  }

  /**
   * If its writer dies, or the disk is full, nothing is lost: who starts reads the older log, then the one that its seal
   * names. The next checkpoint removes both.
   */
  async #writeCheckpoint(folder: string, generation: string): Promise<void> {
    const unfinished = newStateFile(folder, generation, randomBytes(6).toString('hex'));
    try {
      const file = await open(unfinished, 'wx', 0o600);
      try {
        for (const line of encodeCheckpoint(this.#replica)) {
          await file.writeFile(line);
          await nextTurn();
        }
      } finally {
        await file.close();
      }
      await rename(unfinished, stateFile(folder, generation));
      await deleteOlder(folder, generation);
    } catch {
      await rm(unfinished, { force: true }).catch(() => undefined);
    }
  }

  /** Undefined if the files changed under it. */
  async #load(): Promise<AppendOnlyFile | undefined> {
    this.#replica = new Replica(this.#context);
    const folder = this.#prepareFolder();
    let generation = FIRST_GENERATION;
    try {
      const checkpoint = await newestCheckpoint(folder);
      generation = checkpoint ?? FIRST_GENERATION;
      this.#log = await (checkpoint === undefined ? begin(folder) : this.#restore(folder, checkpoint));
      this.#generation = generation;
    } catch (error) {
      if (!isGone(error)) await this.#setAside(stateFile(folder, generation), error);
    }
    return this.#log;
  }

  async #restore(folder: string, generation: string): Promise<AppendOnlyFile | undefined> {
    const checkpoint = await openAppendOnly(stateFile(folder, generation), 'never');
    try {
      const complete = await checkpoint.read((line) => restoreLine(this.#replica, line));
      if (!complete) throw new RangeError(`${checkpoint.path} has no end`);
    } finally {
      await checkpoint.close();
    }
    try {
      return await openAppendOnly(logFile(folder, generation), 'never');
    } catch (error) {
      if (!isGone(error)) throw error;
      // Either there is a newer checkpoint by now, or someone deleted the log alone.
      if ((await newestCheckpoint(folder)) === generation)
        throw new RangeError(`${generation} has lost its log`);
      return undefined;
    }
  }

  /** What cannot be read is moved out of the way. Errors of another kind are passed on. */
  async #setAside(culprit: string, error: unknown): Promise<void> {
    const unreadable =
      error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError;
    if (!unreadable || error instanceof OrchestratorError) throw error;
    const folder = this.#prepareFolder();
    const damaged = await setAside(folder, culprit);
    if (damaged === undefined) return;
    this.#context.warn(
      `The local store in ${folder} was damaged (${reason(error)}). It was moved to ${damaged}, and a new one begins from zero.`,
    );
  }
}

/** The first log. Undefined if a checkpoint turned up meanwhile: this log's time is over. */
async function begin(folder: string): Promise<AppendOnlyFile | undefined> {
  const log = await openAppendOnly(logFile(folder, FIRST_GENERATION), 'if absent');
  if ((await newestCheckpoint(folder)) === undefined) return log;
  await log.close();
  return undefined;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
