import { SCHEMA_VERSION, type StoreContext } from '../../metric-store.js';
import { restoreLine } from '../checkpoint.js';
import { FIRST_GENERATION, generationsNow, isGone, logFile, stateFile } from '../generations.js';
import { type Change, encodeRecord } from '../log-record.js';
import { LogTail } from './log-tail.js';
import type { LogView } from '../log-view.js';
import type { StoreClock } from '../store-clock.js';
import { CopyNeeded } from '../writer-state.js';

/** As many as of `ProjectLog`, whose attempts fail for the same reasons. */
const ATTEMPTS = 20;

/** Where a process has come in the project's logs. */
export interface LogPosition {
  readonly clock: StoreClock;
  /** What was made of the lines of this log. No log: the files are to be read from their beginning. */
  readonly view: LogView;
  readonly tail: LogTail | undefined;
  /** The number of this instance's last record. */
  readonly written: number;
}

/**
 * The project's logs at the end of a process: what `ProjectLog` does, at once, as far as the last records of a process need it.
 * No checkpoint is written, and what is damaged is left to others.
 */
export class FinalLog {
  readonly #context: StoreContext;
  readonly #folder: () => string;
  readonly #clock: StoreClock;
  readonly #view: LogView;
  #tail: LogTail | undefined;
  #written: number;
  #executed = 0;

  constructor(context: StoreContext, folder: () => string, { clock, view, tail, written }: LogPosition) {
    this.#context = context;
    this.#folder = folder;
    this.#clock = clock;
    this.#view = view;
    this.#tail = tail;
    this.#written = written;
  }

  /** Of the records that were read. */
  get view(): LogView {
    return this.#view;
  }

  now(): number {
    const { bootTime, latestAtMs } = this.#view.clock;
    return this.#clock.now(bootTime, latestAtMs);
  }

  /** As `ProjectLog.catchUp`. */
  catchUp(): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const tail = (this.#tail ??= this.#load());
      if (tail === undefined) continue;
      const next = this.#read(tail);
      if (next !== undefined) {
        this.#tail = undefined;
        this.#view.replica.prune();
        this.#tail = openIfThere(logFile(this.#folder(), next));
      } else if (this.#tail === tail && tail.isInPlace()) {
        this.#view.state.assertOwner(this.#context.prefix, this.#context.project);
        return;
      } else this.#tail = undefined;
    }
    throw new Error('its files change faster than they can be read');
  }

  /** As `ProjectLog.submit`. */
  submit(change: Change): boolean {
    if (this.#tail === undefined) return false;
    const { project, lease } = this.#context;
    const boot = this.#clock.unannounced(this.#view.clock.bootTime);
    const common = { v: SCHEMA_VERSION, project, lease, number: (this.#written += 1) };
    this.#tail.append(encodeRecord({ ...common, ...(boot && { boot }), ...change }));
    this.catchUp();
    return this.#executed === this.#written;
  }

  /** Returns the log that the seal of this one names. Without a tail after it, the files are to be read from their beginning. */
  #read(tail: LogTail): string | undefined {
    let next: string | undefined;
    try {
      tail.read((line) => {
        const record = this.#view.take(line, tail.path);
        if (record === undefined) return false;
        if (record.lease === this.#context.lease) this.#executed = record.number;
        if (record.kind === 'seal') next = record.next;
        return next !== undefined;
      });
    } catch (error) {
      if (!(error instanceof CopyNeeded)) throw error;
      this.#tail = undefined;
    }
    return next;
  }

  #load(): LogTail | undefined {
    this.#view.begin();
    const folder = this.#folder();
    const { checkpoint: generation, orphan } = generationsNow(folder);
    if (orphan !== undefined) throw new RangeError(`the checkpoint of ${orphan} is gone`);
    if (generation === undefined) {
      const first = LogTail.open(logFile(folder, FIRST_GENERATION), 'if absent');
      return generationsNow(folder).checkpoint === undefined ? first : undefined;
    }
    const checkpoint = openIfThere(stateFile(folder, generation));
    if (checkpoint === undefined) return undefined;
    try {
      if (!checkpoint.read((line) => restoreLine(this.#view.replica, line)))
        throw new RangeError(`${checkpoint.path} has no end`);
    } finally {
      checkpoint.close();
    }
    return openIfThere(logFile(folder, generation));
  }
}

function openIfThere(file: string): LogTail | undefined {
  try {
    return LogTail.open(file, 'never');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
