import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { warning } from '../../warnings.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import { type AppendOnlyFile, openAppendOnly } from './append-only-file.js';
import { writeCheckpoint } from './checkpoint-file.js';
import { Generation } from './compaction.js';
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
import { LogView } from './log-view.js';
import { DamagedFile, damageOf, openNewest } from './newest-generation.js';
import { type AppliedBatch, OwnRecords } from './records/own-records.js';
import { StoreClock } from './store-clock.js';
import { UnreadableEntries } from '../unreadable-entries.js';
import { CopyNeeded } from './writer-state.js';

/** An attempt fails when another process began a new generation meanwhile, or when the folder was deleted. */
const ATTEMPTS = 20;

/** More than a process writes at its end. */
const FINAL_RECORDS = 1_000_000;

/** This process's position in the project's logs, and the copy of the project that it made from them. */
export class ProjectLog {
  #log: AppendOnlyFile | undefined;
  /** Its rest was read by a {@link FinalLog}. */
  #finished: AppendOnlyFile | undefined;
  #generation = new Generation(FIRST_GENERATION, 0);
  readonly #own = new OwnRecords();
  readonly #clock = new StoreClock();
  /** Of the records that were read. */
  readonly view: LogView;
  /** Lines that could not be read. */
  readonly unreadable: UnreadableEntries;
  readonly #context: StoreContext;
  readonly #prepareFolder: () => string;

  constructor(context: StoreContext, prepareFolder: () => string) {
    this.#context = context;
    this.#prepareFolder = prepareFolder;
    this.view = new LogView(context);
    this.unreadable = new UnreadableEntries(context.warn);
  }

  /** The last batch of this instance. */
  get applied(): AppliedBatch {
    return this.#own.applied(this.view.own);
  }

  /** The store's time, Unix milliseconds. */
  now(): number {
    const { bootTime, latestAtMs } = this.view.clock;
    return this.#clock.now(bootTime, latestAtMs);
  }

  /** As {@link catchUp}, and makes sure of a copy of the project. */
  async catchUpWithCopy(): Promise<void> {
    if (!this.view.hasCopy) await this.close();
    await this.catchUp();
  }

  /** Lets go of the copy, if nobody needs it: whoever only writes does not have to carry out what others write. */
  rest(): void {
    if (this.#log !== undefined && !this.#own.isPending) this.view.rest();
  }

  /** Reads all records that were written until now. Rejects if the data belong to another project or schema. */
  async catchUp(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const log = this.#log ?? (await this.#load());
      if (log === undefined) continue;
      const seal = await this.#read(log);
      if (seal !== undefined) {
        await this.#follow(log, seal);
      } else if (this.#log === log && (await log.isInPlace())) {
        this.view.state.assertOwner(this.#context.prefix, this.#context.project);
        return;
      } else {
        // The file was deleted, perhaps by the writer of a newer checkpoint, or a copy is needed: begin from the files that are there now.
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

  /**
   * Begins the next log if a checkpoint is worth it, and no other process does so before: see {@link Generation}.
   *
   * @param mayRead asked before the files are read for it, so that not all processes without a copy do so at once
   */
  async compact(logBytes: number, mayRead: () => Promise<boolean>, thorough = false): Promise<void> {
    if (!(await this.#isWorthCheckpoint(logBytes, thorough))) return;
    if (!this.view.hasCopy) {
      if (!(await mayRead())) return;
      await this.catchUpWithCopy();
      if (!(await this.#isWorthCheckpoint(logBytes, thorough))) return;
    }
    const log = this.#log;
    if (log === undefined) return;
    const folder = this.#prepareFolder();
    const next = generationAfter(this.#generation.name, randomBytes(6).toString('hex'));
    // Created before the seal that names it, so that every reader of the seal finds it.
    await (await openAppendOnly(logFile(folder, next), 'always')).close();
    try {
      await this.#append(log, { kind: 'seal', next });
    } catch (error) {
      await rm(logFile(folder, next), { force: true });
      throw error;
    }
    await this.catchUp();
    if (this.#own.isPending) await rm(logFile(folder, next), { force: true });
  }

  async #isWorthCheckpoint(logBytes: number, thorough: boolean): Promise<boolean> {
    if (this.#log === undefined) return false;
    const size = {
      folder: this.#prepareFolder,
      bytes: this.#log.position,
      rows: this.view.rows,
    };
    return this.#generation.isWorthCheckpoint(size, logBytes, thorough);
  }

  /** Keeps the files from looking unused. A checkpoint that someone deleted is replaced by the next generation's, if there is a copy. */
  async touch(): Promise<void> {
    const hasCheckpoint = await touch(this.#prepareFolder(), this.#generation.name);
    if (!hasCheckpoint && this.view.hasCopy) await this.compact(0, () => Promise.resolve(false));
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
    const position = { clock: this.#clock, view: this.view, tail, written: this.#own.written };
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
      if (!(error instanceof CopyNeeded)) await this.#setAside(damageOf(log.path, error));
    }
    return seal;
  }

  /** Carries out the record of a line. Answers it if it ends the log. */
  #execute(log: AppendOnlyFile, line: string): SealRecord | undefined {
    const record = this.view.take(line, log.path, (why) => this.unreadable.line(log.path, why));
    if (record !== undefined) this.#own.note(record, this.view.own);
    return record?.kind === 'seal' ? record : undefined;
  }

  async #append(log: AppendOnlyFile, change: Change, lease = this.#context.lease): Promise<void> {
    const { project } = this.#context;
    const boot = this.#clock.unannounced(this.view.clock.bootTime);
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
    const { replica, hasCopy } = this.view;
    replica.prune();
    const folder = this.#prepareFolder();
    const isOwn = hasCopy && lease === this.#context.lease;
    if (isOwn && (await writeCheckpoint(folder, next, replica)))
      await deleteOlder(folder, next).catch(() => undefined);
    try {
      this.#log = await openAppendOnly(logFile(folder, next), 'never');
      this.#generation = new Generation(next, replica.rows);
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
    const replica = this.view.begin();
    const folder = this.#prepareFolder();
    try {
      const newest = await openNewest(folder, replica);
      const rows = replica.rows + replica.endedInstances;
      this.#generation = new Generation(newest?.generation ?? FIRST_GENERATION, rows);
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
