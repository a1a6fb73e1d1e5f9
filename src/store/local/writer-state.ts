import path from 'node:path';

import type { Family } from '../../model/family.js';
import { OVERFLOW_SERIES, type Series } from '../../model/series.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import type { BatchPart } from '../state/batch-part.js';
import { Locks } from '../state/locks.js';
import { ProjectInstance } from '../state/project-instance.js';
import type { ProjectState } from '../state/project-state.js';
import { encodePart, type SaidInLog } from './encode-part.js';
import { isLater } from './generations.js';
import type { BatchRecord, Change, LogRecord } from './log-record.js';
import { readRecord, UnreadableRecord } from './records/read-record.js';
import { type BootTime, isInTime } from './store-clock.js';

/** A line that changes more of the project than a {@link WriterState} knows of. */
export class CopyNeeded extends Error {}

/**
 * What an instance has to know of a project to go on writing to its log, while nobody asks it for the sum: its own progress, and
 * what the log has said of families and series. Of the records of others it reads only the beginning. A record that
 * deletes something, or that is out of the ordinary, throws {@link CopyNeeded}: then the files are read again.
 *
 * Nothing that it has taken as said can be forgotten by the other processes without such a record. The cap moves no point of
 * this instance, as no family can have reached it yet.
 */
export class WriterState implements SaidInLog {
  readonly wipedAtMs: number;
  readonly bootTime: BootTime | undefined;
  latestAtMs: number;
  readonly locks: Locks;
  /** Progress of this instance; undefined if the project does not have it. */
  own: ProjectInstance | undefined;
  readonly #context: Pick<StoreContext, 'lease' | 'leaseMs' | 'maxSeries' | 'project'>;
  readonly #projectText: string;
  /** Ends of leases, by lease. */
  readonly #leases = new Map<string, number>();
  readonly #families: Set<string>;
  readonly #series = new Set([OVERFLOW_SERIES.id]);
  /** No family has more series. */
  #largestFamily = 0;
  /** No series was updated before. */
  readonly #oldestAtMs: number;

  /** @param described keys of the families that this instance has described */
  constructor(
    context: Pick<StoreContext, 'lease' | 'leaseMs' | 'maxSeries' | 'project'>,
    state: ProjectState,
    clock: { readonly bootTime: BootTime | undefined; readonly latestAtMs: number },
    described: Iterable<string>,
  ) {
    this.#context = context;
    this.#projectText = JSON.stringify(context.project);
    this.wipedAtMs = state.wipedAtMs;
    this.bootTime = clock.bootTime;
    this.latestAtMs = clock.latestAtMs;
    this.locks = new Locks(state.locks);
    const own = state.instances.get(context.lease);
    this.own = own && Object.assign(new ProjectInstance(), own, { values: [] });
    for (const [lease, { leaseEndsAtMs }] of state.instances) this.#leases.set(lease, leaseEndsAtMs);
    this.#families = new Set(described);
    let oldestAtMs = clock.latestAtMs;
    for (const { series } of state.families.values()) {
      this.#largestFamily = Math.max(this.#largestFamily, series.size);
      for (const [id, { updatedAtMs }] of series) {
        this.#series.add(id);
        oldestAtMs = Math.min(oldestAtMs, updatedAtMs);
      }
    }
    this.#oldestAtMs = oldestAtMs;
  }

  get hasResource(): boolean {
    return this.own?.resource !== undefined;
  }

  hasFamily({ key }: Family): boolean {
    return this.#families.has(key);
  }

  hasSeries({ id }: Series): boolean {
    return this.#series.has(id);
  }

  encode(part: BatchPart, atMs: number): Change<BatchRecord> {
    return encodePart(part, atMs, this.#context, this);
  }

  /** False if a sweep would delete nothing. */
  mayHaveExpired(ttlMs: number, atMs: number): boolean {
    if (this.#oldestAtMs <= atMs - ttlMs) return true;
    for (const endsAtMs of this.#leases.values()) if (endsAtMs <= atMs) return true;
    return false;
  }

  /**
   * Takes note of a line, and answers its record if it is one of this instance, or ends the log.
   *
   * @param log the path of the file that has the line
   * @throws CopyNeeded
   */
  take(line: string, log: string): LogRecord | undefined {
    if (line === '') return undefined;
    const head = HEAD.exec(line)?.groups;
    if (head === undefined || Number(head['v']) !== SCHEMA_VERSION || head['project'] !== this.#projectText)
      throw new CopyNeeded();
    const { lease = '', atMs, leaseMs } = head;
    if (atMs !== undefined && lease !== this.#context.lease) {
      this.#goOn(Number(atMs));
      this.#leases.set(lease, Number(atMs) + Number(leaseMs));
      if (line.includes(NEW_SERIES)) this.#noteNew(recordOf(line));
      return undefined;
    }
    const record = recordOf(line);
    if (record === undefined) return undefined;
    if (record.kind === 'batch') this.#noteOwn(record);
    else if (record.kind === 'hold') {
      this.#goOn(record.atMs);
      this.locks.acquire(lease, record.name, record.ms, record.atMs);
    } else if (record.kind === 'leave') {
      const ended = record.of ?? lease;
      this.#leases.delete(ended);
      this.locks.endLease(ended);
      if (ended === this.#context.lease) this.#leave();
    } else if (record.kind !== 'seal' || !isLater(record.next, path.basename(log))) throw new CopyNeeded();
    return record.kind === 'seal' || lease === this.#context.lease ? record : undefined;
  }

  #goOn(atMs: number): void {
    if (!isInTime(atMs, this.latestAtMs)) throw new CopyNeeded();
    this.latestAtMs = Math.max(this.latestAtMs, atMs);
  }

  #noteNew(record: LogRecord | undefined): void {
    if (record?.kind !== 'batch') return;
    this.#largestFamily += record.series.length;
    if (this.#largestFamily >= this.#context.maxSeries) throw new CopyNeeded();
  }

  #noteOwn(record: BatchRecord): void {
    this.#goOn(record.atMs);
    this.#noteNew(record);
    this.own ??= new ProjectInstance();
    this.#leases.set(record.lease, record.atMs + record.leaseMs);
    if (record.resource !== undefined) this.own.resource = record.resource;
    if (!this.own.expects(record)) return;
    this.own.sequence = record.sequence;
    this.own.parts = record.part + 1;
    this.own.complete = record.last;
    this.own.overflowed = 0;
    for (const { key } of record.families) this.#families.add(key);
    for (const { id } of record.series) this.#series.add(id);
  }

  /** An instance that leaves between two batches is forgotten; one that leaves in the middle of one is not. */
  #leave(): void {
    if (this.own?.complete === false) throw new CopyNeeded();
    this.own = undefined;
  }
}

/** How a record begins that is nothing special. The start of the host's clock, where it is announced, is. */
const HEAD =
  /^\{"v":(?<v>\d+),"project":(?<project>"(?:[^"\\]|\\.)*"),"lease":"(?<lease>[^"\\]+)","number":\d+,"kind":"(?:batch","atMs":(?<atMs>\d+(?:\.\d+)?),"leaseMs":(?<leaseMs>\d+),|(?:hold|leave|seal)")/;

/** In a record that describes a series. Quotation marks inside of texts have a backslash before them. */
const NEW_SERIES = ',"series":[{';

/** The record of a line; undefined if there is none in it. */
function recordOf(line: string): LogRecord | undefined {
  try {
    return readRecord(line);
  } catch (error) {
    throw error instanceof UnreadableRecord ? new CopyNeeded() : error;
  }
}
