import path from 'node:path';

import { encodePart } from './encode-part.js';
import type { BatchRecord, Change, JsonNumber, LogRecord } from './log-record.js';
import { readRecord, UnreadableRecord } from './records/read-record.js';
import { OVERFLOW_SERIES, type Series } from '../../model/series.js';
import type { StoreContext } from '../metric-store.js';
import type { DeltaPoint } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { shorten } from '../../model/shorten.js';
import { areValuesOf } from '../../model/values.js';
import { isLater } from './generations.js';
import { agreeOn, type BootTime, isInTime } from './store-clock.js';
import { WriterState } from './writer-state.js';
import type { BatchPart } from '../state/batch-part.js';
import type { ProjectFamily } from '../state/project-family.js';
import { ProjectState } from '../state/project-state.js';

/** The instance whose copy it is, as far as it writes; a copy that is only read has none. */
export type ReplicaContext = Pick<StoreContext, 'lease' | 'leaseMs' | 'maxSeries'>;

/**
 * This process's copy of a project: the records of the log, carried out in their order. Every process that has read the
 * same records has the same copy.
 */
export class Replica {
  readonly state: ProjectState = new ProjectState();
  /** Families and series that the records of this log may name without describing them. They only grow until {@link prune}. */
  readonly families: Map<string, Family> = new Map();
  readonly series: Map<string, Series> = new Map();
  /** The store's clock, and the time of the latest change. */
  bootTime: BootTime | undefined;
  latestAtMs = 0;
  /** Instances of the checkpoint that are not here: their leases were over. */
  endedInstances = 0;
  readonly #context: ReplicaContext;
  /** Families that this instance has described; a family that was lost comes back as another object. */
  readonly #described = new WeakSet<ProjectFamily>();

  constructor(context: ReplicaContext) {
    this.#context = context;
    this.prune();
  }

  /** What a checkpoint made now would hold: series, instances and their values. */
  get rows(): number {
    let rows = 0;
    for (const { series } of this.state.families.values()) rows += series.size;
    for (const { values } of this.state.instances.values()) rows += 1 + values.length;
    return rows;
  }

  /**
   * Carries out the record of one line. Answers it; undefined if there is none. One that cannot be read changes nothing: every
   * process that reads it leaves it out, so all of them go on alike.
   *
   * @param log the path of the file that has the line
   */
  carryOut(
    line: string,
    log: string,
    onUnreadable: (why: UnreadableRecord) => void = () => undefined,
  ): LogRecord | undefined {
    try {
      const record = readRecord(line);
      if (record?.kind === 'seal' && !isLater(record.next, path.basename(log)))
        throw new UnreadableRecord(`${record.next} is not a later log`);
      if (record !== undefined) this.#execute(record);
      return record;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      onUnreadable(error);
      return undefined;
    }
  }

  #execute(record: LogRecord): void {
    assertInTime(record, this.latestAtMs);
    const isOther = this.state.project !== undefined && this.state.project !== record.project;
    const part = record.kind === 'batch' && !isOther ? this.#decode(record) : undefined;
    this.bootTime = agreeOn(this.bootTime, record.boot);
    if ('atMs' in record) this.latestAtMs = Math.max(this.latestAtMs, record.atMs ?? 0);
    const { state } = this;
    // The record of another project, which wrote before it had read the log to here. It is refused when it has.
    if (isOther) return;
    if (record.kind === 'batch' && part !== undefined) this.#batch(record, part);
    if (record.kind === 'hold') state.locks.acquire(record.lease, record.name, record.ms, record.atMs);
    if (record.kind === 'leave') state.endLease(record.of ?? record.lease);
    if (record.kind === 'sweep') state.sweep(record.ttlMs, record.atMs);
    if (record.kind === 'forget') state.forget(record.families);
    if (record.kind === 'wipe') state.wipe(record.atMs ?? this.latestAtMs);
  }

  /**
   * A part of a batch for the log as it is now.
   *
   * @param leaseMs how long its sender counts as alive; 0 for additions that are made for the project as a whole
   */
  encode(part: BatchPart, atMs: number, leaseMs: number = this.#context.leaseMs): Change<BatchRecord> {
    const { lease, maxSeries } = this.#context;
    return encodePart(
      part,
      atMs,
      { leaseMs, maxSeries },
      {
        hasFamily: ({ key }) => this.#hasDescribed(key),
        hasSeries: ({ id }) => this.series.has(id),
        hasResource: this.state.instances.get(lease)?.resource !== undefined,
        wipedAtMs: this.state.wipedAtMs,
      },
    );
  }

  /**
   * What is enough to go on writing. Undefined where the cap may soon move points of this instance: only a copy tells which, and
   * a few new series would make it necessary to read everything again.
   */
  writerState(project: string): WriterState | undefined {
    for (const { series } of this.state.families.values())
      if (series.size * 2 >= this.#context.maxSeries) return undefined;
    const described = [...this.state.families.keys()].filter((key) => this.#hasDescribed(key));
    return new WriterState({ ...this.#context, project }, this.state, this, described);
  }

  /**
   * Forgets the families and series that the state no longer has. All processes do so at the end of each log, and a process
   * that begins from a checkpoint knows nothing else. So all of them know the same.
   */
  prune(): void {
    this.families.clear();
    this.series.clear();
    this.series.set(OVERFLOW_SERIES.id, OVERFLOW_SERIES);
    for (const [key, { family, series }] of this.state.families) {
      this.families.set(key, family);
      for (const one of series.values()) this.series.set(one.series.id, one.series);
    }
    for (const { values } of this.state.instances.values()) {
      for (const { series } of values) this.series.set(series.id, series);
    }
  }

  #hasDescribed(key: string): boolean {
    const known = this.state.families.get(key);
    return known !== undefined && this.#described.has(known);
  }

  #batch(record: BatchRecord, part: BatchPart): void {
    const { state } = this;
    state.project = record.project;
    for (const one of record.series) if (!this.series.has(one.id)) this.series.set(one.id, one);
    for (const family of record.families) {
      this.families.set(family.key, family);
      const described = state.describe(family, record.atMs);
      if (record.lease === this.#context.lease) this.#described.add(described);
    }
    state.apply(record, part, record.atMs);
  }

  #decode(record: BatchRecord): BatchPart {
    const { sequence, resource, collectedMs, part, last, deltas, current } = record;
    const described = new Map(record.families.map((family) => [family.key, family]));
    const named = new Map(record.series.map((series) => [series.id, series]));
    const familyOf = (key: string, isCurrent: boolean): Family => {
      const family = described.get(key) ?? this.families.get(key) ?? unknown('family', key);
      if ((family.aggregation !== undefined) === isCurrent) return family;
      throw new UnreadableRecord(`${key} is not reported in this way`);
    };
    const seriesOf = (id: string): Series => this.series.get(id) ?? named.get(id) ?? unknown('series', id);
    return {
      sequence,
      resource,
      collectedAtMs: collectedMs,
      part,
      last,
      deltas: deltas.map(([key, points]) => {
        const family = familyOf(key, false);
        return { family, points: points.map(([id, ...values]) => deltaOf(family, seriesOf(id), values)) };
      }),
      current: current.map(([key, points]) => ({
        family: familyOf(key, true),
        points: points.map(([id, value, ageMs]) => ({ series: seriesOf(id), value: Number(value), ageMs })),
      })),
    };
  }
}

function deltaOf(family: Family, series: Series, encoded: readonly JsonNumber[]): DeltaPoint {
  const values = encoded.map(Number);
  if (areValuesOf(family, values)) return { series, values };
  throw new UnreadableRecord(`values of ${family.key} are not of its kind`);
}

function assertInTime(record: LogRecord, latestAtMs: number): void {
  const times = ['atMs' in record ? record.atMs : undefined, record.boot?.bootAtMs];
  if (!times.every((atMs) => atMs === undefined || isInTime(atMs, latestAtMs)))
    throw new UnreadableRecord('its time is years ahead');
}

function unknown(what: string, name: string): never {
  throw new UnreadableRecord(`the ${what} ${shorten(name, 200)} is not described before`);
}
