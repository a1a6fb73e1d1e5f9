import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { warning } from '../../warnings.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import type { ProjectState } from '../state/project-state.js';
import { type AppendOnlyFile, openAppendOnly } from './append-only-file.js';
import { writeCheckpoint } from './checkpoint-file.js';
import { isWorthCheckpoint } from './compaction.js';
import { FinalLog } from './ending/final-log.js';
import {
  deleteOlder,
  FIRST_GENERATION,
  generationAfter,
  isGone,
  isLater,
  logFile,
  newestCheckpoint,
  setAside,
  touch,
} from './generations.js';
import { type Change, encodeRecord, type SealRecord } from './log-record.js';
import { DamagedFile, damageOf, openNewest } from './newest-generation.js';
import { OwnRecords } from './records/own-records.js';
import { Replica } from './replica.js';
import { StoreClock } from './store-clock.js';
import { UnreadableEntries } from '../unreadable-entries.js';

/** An attempt fails when another process began a new generation meanwhile, or when the folder was deleted. */
const ATTEMPTS = 20;

/** More than a process writes at its end. */
const FINAL_RECORDS = 1_000_000;

/** A batch of this instance that is in the log as a whole. */
export interface AppliedBatch {
  readonly sequence: number;
  /** Points that the cap moved. */
  readonly overflowed: number;
}

/** This process's position in the project's logs, and the copy of the project that it made from them. */
export class ProjectLog {
  #replica: Replica;
  #log: AppendOnlyFile | undefined;
  /** Its rest was read by a {@link FinalLog}. */
  #finished: AppendOnlyFile | undefined;
  #generation = FIRST_GENERATION;
  /** Of the checkpoint that this generation began with. */
  #checkpointRows = 0;
  readonly #own = new OwnRecords();
  #applied: AppliedBatch = { sequence: 0, overflowed: 0 };
  readonly #clock = new StoreClock();
  /** Lines that could not be read. */
  readonly unreadable: UnreadableEntries;
  readonly #context: StoreContext;
  readonly #prepareFolder: () => string;

  constructor(context: StoreContext, prepareFolder: () => string) {
    this.#context = context;
    this.#prepareFolder = prepareFolder;
    this.#replica = new Replica(context);
    this.unreadable = new UnreadableEntries(context.warn);
  }

  get replica(): Replica {
    return this.#replica;
  }

  get state(): ProjectState {
    return this.#replica.state;
  }

  /** The last batch of this instance. Remembered here because the project forgets an instance when its lease is over. */
  get applied(): AppliedBatch {
    const own = this.state.instances.get(this.#context.lease);
    return own?.complete === true && own.sequence > this.#applied.sequence ? own : this.#applied;
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
        await this.#follow(log, seal);
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
  async submit(change: Change, lease: string = this.#context.lease): Promise<boolean> {
    if (this.#log === undefined) return false;
    await this.#append(this.#log, change, lease);
    await this.catchUp();
    return !this.#own.isPending;
  }

  /** Begins the next log if a checkpoint is worth it: see {@link isWorthCheckpoint}. */
  async compact(logBytes: number, thorough = false): Promise<void> {
    const log = this.#log;
    if (log === undefined) return;
    const folder = this.#prepareFolder();
    const size = {
      folder,
      generation: this.#generation,
      bytes: log.position,
      rows: this.#replica.rows,
      checkpointRows: this.#checkpointRows,
    };
    if (!(await isWorthCheckpoint(size, logBytes, thorough))) return;
    const next = generationAfter(this.#generation, randomBytes(6).toString('hex'));
    // Created before the seal that names it, so that every reader of the seal finds it.
    await (await openAppendOnly(logFile(folder, next), 'always')).close();
    try {
      await this.#append(log, { kind: 'seal', next });
    } catch (error) {
      await rm(logFile(folder, next), { force: true });
      throw error;
    }
    await this.catchUp();
    // Another process sealed the log before.
    if (this.#own.isPending) await rm(logFile(folder, next), { force: true });
  }

  /** Keeps the files from looking unused. A checkpoint that someone deleted is replaced by the next generation's. */
  async touch(): Promise<void> {
    if (!(await touch(this.#prepareFolder(), this.#generation))) await this.compact(0);
  }

  /** True if a record of this instance was written, or is about to be, and has not been read. */
  get isWriting(): boolean {
    return this.#own.isPending;
  }

  /** For the end of the process: what is left to do, at once. If the process goes on all the same, this begins anew. */
  final(): FinalLog {
    const tail = this.#log?.tail();
    this.#finished ??= this.#log;
    this.#log = undefined;
    const { written } = this.#own;
    const position = { clock: this.#clock, replica: this.#replica, tail, written };
    // Numbers that the final records may have.
    this.#own.leave(FINAL_RECORDS);
    return new FinalLog(this.#context, this.#prepareFolder, position);
  }

  async close(): Promise<void> {
    const logs = [this.#log, this.#finished];
    this.#log = undefined;
    this.#finished = undefined;
    for (const log of logs) await log?.close();
  }

  async #read(log: AppendOnlyFile): Promise<SealRecord | undefined> {
    let seal: SealRecord | undefined;
    try {
      await log.read((line) => {
        seal = this.#execute(log, line);
        return seal !== undefined;
      });
    } catch (error) {
      // The copy has only a part of what was read: the next call begins again.
      await this.close();
      await this.#setAside(damageOf(log.path, error));
    }
    return seal;
  }

  /** Carries out the record of a line. Answers it if it ends the log. */
  #execute(log: AppendOnlyFile, line: string): SealRecord | undefined {
    const record = this.#replica.carryOut(line, log.path, (why) => this.unreadable.line(log.path, why));
    if (record !== undefined && this.#own.note(record)) {
      const { sequence, overflowed } = this.applied;
      this.#applied = { sequence, overflowed };
    }
    return record?.kind === 'seal' ? record : undefined;
  }

  async #append(log: AppendOnlyFile, change: Change, lease = this.#context.lease): Promise<void> {
    const { project } = this.#context;
    const boot = this.#clock.unannounced(this.#replica.bootTime);
    const common = { v: SCHEMA_VERSION, project, lease, number: this.#own.begin(lease) };
    await log.append(encodeRecord({ ...common, ...(boot !== undefined && { boot }), ...change }));
  }

  /**
   * Goes on to the log that the seal names. All processes prune their copies here, and one writes the checkpoint. Nothing is
   * lost if that one dies or the disk is full: a process that starts reads the older log, then the one that its seal names.
   * The next checkpoint removes both.
   */
  async #follow(sealed: AppendOnlyFile, { next, lease }: SealRecord): Promise<void> {
    await this.close();
    this.#replica.prune();
    this.#checkpointRows = this.#replica.rows;
    const folder = this.#prepareFolder();
    if (lease === this.#context.lease && (await writeCheckpoint(folder, next, this.#replica)))
      await deleteOlder(folder, next).catch(() => undefined);
    try {
      this.#log = await openAppendOnly(logFile(folder, next), 'never');
      this.#generation = next;
    } catch (error) {
      if (!isGone(error)) throw error;
      const checkpoint = await newestCheckpoint(folder);
      // This process is more than one generation behind: the next attempt loads the newest.
      if (checkpoint !== undefined && !isLater(next, checkpoint)) return;
      if (await sealed.isInPlace())
        await this.#setAside(new DamagedFile(sealed.path, `${next}, the log after it, is gone`));
    }
  }

  /** Resolves with undefined if the files changed meanwhile. */
  async #load(): Promise<AppendOnlyFile | undefined> {
    this.#replica = new Replica(this.#context);
    const folder = this.#prepareFolder();
    try {
      const newest = await openNewest(folder, this.#replica);
      this.#checkpointRows = this.#replica.rows + this.#replica.endedInstances;
      this.#generation = newest?.generation ?? FIRST_GENERATION;
      this.#log = newest?.log;
    } catch (error) {
      await this.#setAside(damageOf(folder, error));
    }
    return this.#log;
  }

  /** Moves the files out of the way, for all processes. */
  async #setAside(damage: DamagedFile): Promise<void> {
    const folder = this.#prepareFolder();
    const damaged = await setAside(folder, damage.file);
    if (damaged === undefined) return;
    this.#context.warn(...warning('ORCHESTRATOR_LOCAL_STORE_DAMAGED', { folder, error: damage, damaged }));
  }
}
