import { OrchestratorError, reason } from '../../errors.js';
import { prepareLocalFolder } from './folder.js';
import { ProjectLog } from './project-log.js';
import { type Change, splitBatch } from './log-record.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../snapshot/snapshot-builder.js';
import type { ApplyResult, MetricStore, StoreContext } from '../metric-store.js';
import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { ProjectInstance } from '../state/project-instance.js';

export interface LocalStoreOptions {
  /** Holds one folder for each project. Default: a folder of this user in the system's folder for temporary files. */
  readonly directory?: string | undefined;
  /** A log that is longer than this, and than twice its checkpoint, is followed by the next. Default: 1 MiB. */
  readonly logBytes?: number | undefined;
}

/**
 * A store in files that the processes of one user on one host share, with nothing to install and nothing that runs.
 * Throws `ORCHESTRATOR_STORE_REFUSED` if the folder cannot be had: a read-only file system, somebody else's folder.
 */
export function createLocalStore(context: StoreContext, options: LocalStoreOptions = {}): MetricStore {
  const prepare = (): string => prepareLocalFolder(options.directory, context.prefix);
  return new LocalStore(context, prepare(), prepare, options.logBytes ?? LOG_BYTES);
}

/** Bounds the files, and what a process that starts has to read: 1 MiB takes 10 to 30 ms, in slices. */
const LOG_BYTES = 1024 * 1024;

/** An attempt that comes to nothing means a seal, a wipe or a deleted file in between; none of them comes often. */
const ATTEMPTS = 20;

class LocalStore implements MetricStore {
  readonly description: string;
  readonly #context: StoreContext;
  readonly #log: ProjectLog;
  readonly #builder: SnapshotBuilder;
  /** Calls follow one another: each begins by reading what is new, and the copy must not change under it. */
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  readonly #logBytes: number;

  constructor(context: StoreContext, folder: string, prepareFolder: () => string, logBytes: number) {
    this.#context = context;
    this.#logBytes = logBytes;
    this.description = `local ${folder}`;
    this.#builder = createSnapshotBuilder(context.ttlMs);
    this.#log = new ProjectLog(context, prepareFolder);
  }

  async apply(batch: DeltaBatch): Promise<ApplyResult> {
    return this.#inTurn(async () => {
      const parts = splitBatch(batch, Date.now());
      for (let attempt = 0; attempt < ATTEMPTS + parts.length; attempt += 1) {
        // The copy of the project decides what is still to be written: a repeated or interrupted batch counts once.
        const done = this.#instance();
        if (done !== undefined && isComplete(done, batch)) {
          // The batch is in; a log that cannot be ended now, because the disk is full, is ended by a later call.
          await this.#log.compact(this.#logBytes).catch(() => undefined);
          return { overflowed: batch.sequence === done.sequence ? done.overflowed : 0 };
        }
        const part = parts[done?.sequence === batch.sequence ? done.parts : 0];
        if (part !== undefined) await this.#log.submit(this.#log.replica.encode(part, Date.now()));
      }
      throw new Error(`the batch did not get through in ${ATTEMPTS} attempts`);
    });
  }

  async snapshot(): Promise<Snapshot> {
    return this.#inTurn(async () => this.#builder.build(this.#log.state.stored(Date.now())));
  }

  async sweep(): Promise<void> {
    const { ttlMs } = this.#context;
    await this.#inTurn(async () => {
      const atMs = Date.now();
      if (this.#log.state.needsSweep(ttlMs, atMs)) await this.#submit({ kind: 'sweep', atMs, ttlMs });
      await this.#log.touch();
    });
  }

  async acquireLock(name: string, ms: number): Promise<boolean> {
    const { lease } = this.#context;
    return this.#inTurn(async () => {
      const atMs = Date.now();
      // Nothing is written while another instance has the lock. Of several that ask at once, the first in the log gets it.
      if (this.#log.state.isLockedByOther(lease, name, atMs)) return false;
      await this.#submit({ kind: 'hold', atMs, name, ms });
      return this.#log.state.hasLock(lease, name, atMs);
    });
  }

  async endLease(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#instance() !== undefined) await this.#submit({ kind: 'leave' });
    });
  }

  async wipe(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#log.state.project !== undefined) await this.#submit({ kind: 'wipe' });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tail = this.#tail.then(() => this.#log.close());
    await this.#tail;
  }

  #instance(): ProjectInstance | undefined {
    return this.#log.state.instances.get(this.#context.lease);
  }

  async #submit(change: Change): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) if (await this.#log.submit(change)) return;
    throw new Error(`the ${change.kind} did not get through in ${ATTEMPTS} attempts`);
  }

  /** Runs `action` after the calls before it, on a copy of the project that is up to date. */
  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    const result = (async () => {
      await before;
      if (this.#closed)
        throw new OrchestratorError('ORCHESTRATOR_STORE_CLOSED', 'The local store was closed.');
      try {
        await this.#log.catchUp();
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
    const message = `The local store (${this.description}) does not work at the moment: ${reason(error)}.`;
    return new OrchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', message, { cause: error });
  }
}

function isComplete(done: ProjectInstance, batch: DeltaBatch): boolean {
  return batch.sequence < done.sequence || (batch.sequence === done.sequence && done.complete);
}
