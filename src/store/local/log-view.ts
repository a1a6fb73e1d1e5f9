import type { StoreContext } from '../metric-store.js';
import type { BatchPart } from '../state/batch-part.js';
import type { Locks } from '../state/locks.js';
import type { ProjectInstance } from '../state/project-instance.js';
import type { ProjectState } from '../state/project-state.js';
import type { BatchRecord, Change, LogRecord } from './log-record.js';
import type { UnreadableRecord } from './records/read-record.js';
import { Replica } from './replica.js';
import type { BootTime } from './store-clock.js';
import type { WriterState } from './writer-state.js';

/** A copy is kept for so long after somebody asked for it: longer than between two scrapes. */
const KEEP_COPY_MS = 300_000;

/**
 * What this process has made of the records that it has read: a copy of the project, or, while nobody asks for one, what it needs
 * to go on writing.
 */
export class LogView {
  readonly #context: StoreContext;
  /** Empty while there is a {@link #writer}. */
  #replica: Replica;
  #writer: WriterState | undefined;
  /** When somebody asked for the copy, by performance.now(). */
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#replica = new Replica(context);
  }

  get hasCopy(): boolean {
    return this.#writer === undefined;
  }

  /** The copy. Empty if there is none. */
  get replica(): Replica {
    return this.#replica;
  }

  /** What a checkpoint made now would hold; undefined if only a copy could tell. */
  get rows(): number | undefined {
    return this.hasCopy ? this.#replica.rows : undefined;
  }

  /** Of the copy. */
  get state(): ProjectState {
    return this.#replica.state;
  }

  /** What the log has of this instance; undefined if nothing. */
  get own(): ProjectInstance | undefined {
    return this.#writer === undefined ? this.state.instances.get(this.#context.lease) : this.#writer.own;
  }

  get locks(): Locks {
    return (this.#writer ?? this.state).locks;
  }

  /** The store's clock, and the time of the latest change. */
  get clock(): { readonly bootTime: BootTime | undefined; readonly latestAtMs: number } {
    return this.#writer ?? this.#replica;
  }

  /** False if a sweep would delete nothing. */
  mayHaveExpired(ttlMs: number, atMs: number): boolean {
    return this.#writer?.mayHaveExpired(ttlMs, atMs) ?? this.state.needsSweep(ttlMs, atMs);
  }

  /** A part of a batch for the log as it is now. */
  encode(part: BatchPart, atMs: number): Change<BatchRecord> {
    return (this.#writer ?? this.#replica).encode(part, atMs);
  }

  /** Additions for the project as a whole, not of an instance that is alive. Needs the copy. */
  encodeAddition(part: BatchPart, atMs: number): Change<BatchRecord> {
    return this.#replica.encode(part, atMs, 0);
  }

  /**
   * Takes the record of a line. Answers it if this process has to know of it.
   *
   * @throws CopyNeeded if it takes a copy to understand it
   */
  take(line: string, log: string, onUnreadable?: (why: UnreadableRecord) => void): LogRecord | undefined {
    return this.#writer === undefined
      ? this.#replica.carryOut(line, log, onUnreadable)
      : this.#writer.take(line, log);
  }

  /** Somebody will go on asking for the copy. */
  keepCopy(): void {
    this.#askedAt = performance.now();
  }

  /** Lets go of the copy if nobody has asked for it for long, and writing can do without. */
  rest(): void {
    if (this.#writer !== undefined || performance.now() - this.#askedAt < KEEP_COPY_MS) return;
    this.#writer = this.#replica.writerState(this.#context.project);
    if (this.#writer !== undefined) this.#replica = new Replica(this.#context);
  }

  /** Begins with an empty copy, and answers it. */
  begin(): Replica {
    this.#writer = undefined;
    this.#replica = new Replica(this.#context);
    return this.#replica;
  }
}
