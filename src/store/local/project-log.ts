import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';

import { OrchestratorError } from '../../errors.js';
import { warning } from '../../warnings.js';
import { yieldToEventLoop } from '../../event-loop/fair-yield.js';
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
import { StoreClock } from './store-clock.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import type { ProjectState } from '../state/project-state.js';

/** An attempt fails when another process began a new generation meanwhile, or when the folder was deleted. */
const ATTEMPTS = 20;

/** This process's position in the project's logs, and the copy of the project that it made from them. */
export class ProjectLog {
  #replica: Replica;
  #log: AppendOnlyFile | undefined;
  #generation = FIRST_GENERATION;
  /** Numbers of this instance's records: the last one that was written, and the last one that took effect. */
  #written = 0;
  #executed = 0;
  readonly #clock = new StoreClock();
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

  /** The store's time, Unix milliseconds. */
  now(): number {
    return this.#clock.now(this.#replica.bootTime, this.#replica.latestAtMs);
  }

  /** Reads all records that were written until now. Rejects if the data belong to another project or schema. */
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
        // The file was deleted, perhaps by the writer of a newer checkpoint: begin from the files that are there now.
        await this.close();
      }
    }
    throw new Error('its files change faster than they can be read');
  }

  /** Appends a change and reads up to it. Resolves with false if it took no effect: behind a seal, or in a deleted file. */
  async submit(change: Change): Promise<boolean> {
    if (this.#log === undefined) return false;
    this.#written += 1;
    const { project, lease } = this.#context;
    const boot = this.#clock.unannounced(this.#replica.bootTime);
    await this.#log.append(
      encodeRecord({
        v: SCHEMA_VERSION,
        project,
        lease,
        number: this.#written,
        ...(boot !== undefined && { boot }),
        ...change,
      }),
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
    // Created before the seal that names it, so that every reader of the seal finds it.
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
      // The copy has only a part of what was read: the next call begins again.
      await this.close();
      await this.#setAside(log.path, error);
    }
    return seal;
  }

  /** Goes on to the log that the seal names. All processes prune their copies here, and one writes the checkpoint. */
  async #follow({ next, lease }: SealRecord): Promise<void> {
    await this.close();
    this.#replica.prune();
    const folder = this.#prepareFolder();
    if (lease === this.#context.lease) await this.#writeCheckpoint(folder, next);
    try {
      this.#log = await openAppendOnly(logFile(folder, next), 'never');
      this.#generation = next;
    } catch (error) {
      // This process is more than one generation behind: the next attempt loads the newest.
      if (!isGone(error)) throw error;
    }
  }

  /**
   * Nothing is lost if the writer dies or the disk is full: a process that starts reads the older log, then the one that its
   * seal names. The next checkpoint removes both.
   */
  async #writeCheckpoint(folder: string, generation: string): Promise<void> {
    const unfinished = newStateFile(folder, generation, randomBytes(6).toString('hex'));
    try {
      const file = await open(unfinished, 'wx', 0o600);
      try {
        for (const line of encodeCheckpoint(this.#replica)) {
          await file.writeFile(line);
          await yieldToEventLoop();
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

  /** Resolves with undefined if the files changed meanwhile. */
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
      // Either there is a newer checkpoint by now, or only the log was deleted.
      if ((await newestCheckpoint(folder)) === generation)
        throw new RangeError(`${generation} has lost its log`);
      return undefined;
    }
  }

  /** Moves files that cannot be read out of the way. Errors of another kind are passed on. */
  async #setAside(culprit: string, error: unknown): Promise<void> {
    const unreadable =
      error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError;
    if (!unreadable || error instanceof OrchestratorError) throw error;
    const folder = this.#prepareFolder();
    const damaged = await setAside(folder, culprit);
    if (damaged === undefined) return;
    this.#context.warn(...warning('ORCHESTRATOR_LOCAL_STORE_DAMAGED', { folder, error, damaged }));
  }
}

/** Opens the first log. Resolves with undefined if a checkpoint appeared meanwhile: then its time is over. */
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
