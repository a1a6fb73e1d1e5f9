import { OrchestratorError, orchestratorError } from '../../errors.js';
import { prepareLocalFolder } from './folder.js';
import { deleteAll } from './generations.js';
import { ProjectLog } from './project-log.js';
import { type Change, PART_LIMITS, splitBatch } from './log-record.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../snapshot/snapshot-builder.js';
import type { ApplyResult, LastBatches, MetricStore, StoreContext } from '../metric-store.js';
import { writeLast } from './ending/last-records.js';
import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import { SHOWN_AS_STORED } from '../../model/shown-as.js';
import { foldExpired, joinSteps, type Step } from '../state/fold-expired.js';

export interface LocalStoreOptions {
  /** Contains one folder for each project. Default: a folder of this user in the system's folder for temporary files. */
  readonly directory?: string | undefined;
  /** Bytes. A log that is longer than this, and than twice its checkpoint, is followed by the next. Default: 1 MiB. */
  readonly logBytes?: number | undefined;
}

/**
 * A store in files that the processes of one user on one host share, with nothing to install and nothing that runs.
 *
 * @throws ORCHESTRATOR_STORE_REFUSED if the folder cannot be used: a read-only file system, a folder of another user
 */
export function createLocalStore(context: StoreContext, options: LocalStoreOptions = {}): MetricStore {
  const prepare = (): string => prepareLocalFolder(options.directory, context.prefix);
  return new LocalStore(context, prepare(), prepare, options.logBytes ?? LOG_BYTES);
}

/** Bounds the files, and the time that a process needs to read them at its start: 1 MiB takes 10 to 30 ms, in slices. */
const LOG_BYTES = 1024 * 1024;

/** How long the lock of an instance lasts that does something for all: it folds, or writes a checkpoint. */
const FOLD_MS = 10_000;

/** An attempt fails when a seal, a wipe or a deleted file came in between, which is rare. */
const ATTEMPTS = 20;

class LocalStore implements MetricStore {
  readonly description: string;
  readonly #context: StoreContext;
  readonly #log: ProjectLog;
  readonly #builder: SnapshotBuilder;
  /** Calls follow one another: each begins by reading the log to its end, and works on a copy that must not change meanwhile. */
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Batches that were made of what expired. */
  #folds = 0;

  readonly #logBytes: number;
  readonly #prepareFolder: () => string;

  constructor(context: StoreContext, folder: string, prepareFolder: () => string, logBytes: number) {
    this.#context = context;
    this.#logBytes = logBytes;
    this.description = `local ${folder}`;
    this.#builder = createSnapshotBuilder(context.ttlMs, context.shownAs);
    this.#prepareFolder = prepareFolder;
    this.#log = new ProjectLog(context, prepareFolder);
  }

  get unreadable(): number {
    return this.#log.unreadable.count;
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    return this.#inTurn(async () => {
      const parts = splitBatch(batch, this.#log.now());
      for (let attempt = 0; attempt < ATTEMPTS + parts.length; attempt += 1) {
        const { applied } = this.#log;
        if (batch.sequence <= applied.sequence) {
          // The batch is in the store. If the log cannot be ended now, because the disk is full, a later call ends it.
          await this.#compact().catch(() => undefined);
          return { overflowed: batch.sequence === applied.sequence ? applied.overflowed : 0 };
        }
        // The copy of the project says which parts are missing, so that an interrupted batch counts once.
        const done = this.#log.view.own;
        const part = parts[done?.sequence === batch.sequence ? done.parts : 0];
        if (part !== undefined) await this.#log.submit(this.#log.view.encode(part, this.#log.now()));
      }
      throw new Error(`the batch did not get through in ${ATTEMPTS} attempts`);
    });
  }

  async snapshot(): Promise<Snapshot> {
    return this.#afterOthers(async () => {
      this.#log.view.keepCopy();
      await this.#log.catchUpWithCopy();
      return this.#builder.build(this.#log.view.state.stored(this.#log.now()));
    });
  }

  async sweep(): Promise<void> {
    const { ttlMs } = this.#context;
    await this.#inTurn(async () => {
      if (this.#log.view.mayHaveExpired(ttlMs, this.#log.now())) await this.#sweep(ttlMs);
      await this.#compact(true);
      await this.#log.touch();
    });
  }

  async acquireLock(name: string, ms: number): Promise<boolean> {
    return this.#inTurn(() => this.#acquire(name, ms));
  }

  async endLease(other?: string): Promise<void> {
    await this.#inTurn(async () => {
      if (other !== undefined) await this.#submit({ kind: 'leave', of: other });
      else if (this.#log.view.own !== undefined) await this.#submit({ kind: 'leave' });
    });
  }

  async wipe(): Promise<void> {
    const wipe = async (): Promise<void> => {
      if (this.#log.view.state.project !== undefined)
        await this.#submit({ kind: 'wipe', atMs: this.#log.now() });
    };
    await this.#withCopy(wipe).catch(async (error: unknown) => {
      // Of another version, which nobody here can read.
      if (!(error instanceof OrchestratorError) || error.code !== 'ORCHESTRATOR_SCHEMA_MISMATCH') throw error;
      await this.#afterOthers(async () => {
        await this.#log.close();
        await deleteAll(this.#prepareFolder());
      });
    });
  }

  finish({ batches, isWorthWaiting }: LastBatches): 'stored' {
    if (this.#closed) throw orchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed', { kind: 'local' });
    // Its last flush has ended the lease, and only such things followed as each process does by itself.
    if (!isWorthWaiting && this.#log.view.own === undefined) return 'stored';
    const { applied, isWriting } = this.#log;
    try {
      writeLast(this.#log.final(), batches, { applied: applied.sequence, isWriting });
      return 'stored';
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async forget(families: readonly string[]): Promise<void> {
    await this.#withCopy(async () => {
      if (this.#log.view.state.project === undefined) return;
      await this.#submit({ kind: 'forget', atMs: this.#log.now(), families });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tail = this.#tail.then(() => this.#log.close());
    await this.#tail;
  }

  async #sweep(ttlMs: number): Promise<void> {
    await this.#log.catchUpWithCopy();
    const atMs = this.#log.now();
    if (this.#log.view.state.needsSweep(ttlMs, atMs) && (await this.#fold(atMs)))
      await this.#submit({ kind: 'sweep', atMs, ttlMs });
  }

  /** See {@link foldExpired}. Resolves with false while another instance does it: what it folds must not be swept before. */
  async #fold(atMs: number): Promise<boolean> {
    if ((await this.#stepsToFold(atMs)).length === 0) return true;
    if (!(await this.#acquire('fold', FOLD_MS))) return false;
    for (const deltas of joinSteps(await this.#stepsToFold(atMs), PART_LIMITS.numbers)) {
      const foldedAtMs = this.#log.now();
      this.#folds += 1;
      const part = {
        sequence: this.#folds,
        part: 0,
        last: true,
        collectedAtMs: foldedAtMs,
        deltas,
        current: [],
      };
      const record = this.#log.view.encodeAddition(part, foldedAtMs);
      await this.#submit(record, `${this.#context.lease}/fold`);
    }
    return true;
  }

  async #compact(thorough?: boolean): Promise<void> {
    await this.#log.compact(this.#logBytes, () => this.#acquire('checkpoint', FOLD_MS), thorough);
  }

  #stepsToFold(atMs: number): Promise<Step[]> {
    const { ttlMs, shownAs = SHOWN_AS_STORED } = this.#context;
    return foldExpired(this.#log.view.state.stored(atMs).families, shownAs, atMs - ttlMs);
  }

  async #acquire(name: string, ms: number): Promise<boolean> {
    const { lease } = this.#context;
    const atMs = this.#log.now();
    // Nothing is written while another instance has the lock. Of several that ask at once, the first in the log gets it.
    if (this.#log.view.locks.isHeldByOther(lease, name, atMs)) return false;
    await this.#submit({ kind: 'hold', atMs, name, ms });
    return this.#log.view.locks.isHeldBy(lease, name, atMs);
  }

  async #submit(change: Change, lease?: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) if (await this.#log.submit(change, lease)) return;
    throw new Error(`the ${change.kind} did not get through in ${ATTEMPTS} attempts`);
  }

  /** Runs `action` after the calls before it, when the log is read to its end. */
  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    return this.#afterOthers(async () => {
      await this.#log.catchUp();
      const result = await action();
      this.#log.rest();
      return result;
    });
  }

  /** As {@link #inTurn}, with a copy of the project. */
  async #withCopy<T>(action: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#log.catchUpWithCopy();
      return action();
    });
  }

  async #afterOthers<T>(action: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    const result = (async () => {
      await before;
      if (this.#closed) throw orchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed', { kind: 'local' });
      try {
        return await action();
      } catch (error) {
        throw this.#explain(error);
      }
    })();
    this.#tail = result.catch(() => undefined);
    return result;
  }

  #explain(error: unknown): unknown {
    if (error instanceof OrchestratorError) return error;
    const values = { store: this.description, error };
    return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'local', values, { cause: error });
  }
}
