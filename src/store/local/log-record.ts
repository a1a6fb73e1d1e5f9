import type { Attributes, Series } from '../../model/series.js';
import type { DeltaBatch, DeltaPoint } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import type { BootTime } from './store-clock.js';
import { type BatchPart, collectionAtMs } from '../state/batch-part.js';
import { type Measure, type PartSize, splitPoints } from '../state/split-batch.js';

/** JSON has no NaN and no infinity. */
export type JsonNumber = number | string;
export const encodeNumber = (value: number): JsonNumber => (Number.isFinite(value) ? value : String(value));

interface Common {
  /** Schema version. */
  readonly v: number;
  readonly project: string;
  /** The writer. */
  readonly lease: string;
  /** The writer's own number for this record, by which it recognizes the record when it reads the log. */
  readonly number: number;
  /** The store's clock, if the log does not have it for this start of the host yet. Records of 0.1.0 are without. */
  readonly boot?: BootTime;
}

/** One part of a batch. Families and series are described once per log, and named by key and id after that. */
export interface BatchRecord extends Common {
  readonly kind: 'batch';
  readonly atMs: number;
  readonly leaseMs: number;
  readonly maxSeries: number;
  readonly resource?: Attributes;
  readonly collectedMs: number;
  readonly sequence: number;
  readonly part: number;
  readonly last: boolean;
  readonly families: readonly Family[];
  readonly series: readonly Series[];
  readonly deltas: ReadonlyArray<
    readonly [key: string, points: ReadonlyArray<readonly [id: string, ...values: JsonNumber[]]>]
  >;
  readonly current: ReadonlyArray<
    readonly [key: string, points: ReadonlyArray<readonly [id: string, value: JsonNumber, ageMs: number]>]
  >;
}

/** Acquires or renews a lock. */
export interface LockRecord extends Common {
  readonly kind: 'hold';
  readonly atMs: number;
  readonly name: string;
  readonly ms: number;
}

export interface EndLeaseRecord extends Common {
  readonly kind: 'leave';
  /** The lease of another instance than the writer, which was killed. Version 0.1.0 takes it for the writer's own. */
  readonly of?: string;
}

export interface SweepRecord extends Common {
  readonly kind: 'sweep';
  readonly atMs: number;
  readonly ttlMs: number;
}

export interface WipeRecord extends Common {
  readonly kind: 'wipe';
  /** Version 0.1.0 does not write it. */
  readonly atMs?: number;
}

/** Deletes what is stored of some families. Version 0.1.0 does not know it, and goes on with its own copy of them. */
export interface ForgetRecord extends Common {
  readonly kind: 'forget';
  readonly atMs: number;
  /** Keys. */
  readonly families: readonly string[];
}

/**
 * The last record of a log. It names the next log. Records behind it are void, and their writers write them again to the
 * next log. The writer of the seal writes the checkpoint.
 */
export interface SealRecord extends Common {
  readonly kind: 'seal';
  readonly next: string;
}

export type LogRecord =
  | BatchRecord
  | LockRecord
  | EndLeaseRecord
  | SweepRecord
  | WipeRecord
  | ForgetRecord
  | SealRecord;

/** A record before the log adds what all of them have. */
export type Change<R extends LogRecord = LogRecord> = R extends LogRecord ? Omit<R, keyof Common> : never;

/**
 * A record as it is written. The line feed in front ends a line that a killed process left unfinished: that line is no
 * JSON and is skipped, and this record is whole.
 */
export const encodeRecord = (record: LogRecord): string => `\n${JSON.stringify(record)}\n`;

/** About 450 histogram series of 16 buckets; encoding or reading one part takes well under 2 ms. */
export const PART_LIMITS: PartSize = { families: Infinity, points: Infinity, numbers: 8000, bytes: Infinity };

const MEASURE: Measure<DeltaPoint> = {
  numbers: ({ values }) => values.length + 1,
  bytes: () => 0,
  familyBytes: () => 0,
};

/** A batch in parts of bounded size, always cut in the same places. The current values come with the last one. */
export function splitBatch(batch: DeltaBatch, atMs: number): BatchPart[] {
  const { sequence, resource, current } = batch;
  const collectedAtMs = collectionAtMs(batch, atMs);
  const parts = splitPoints(batch.deltas, PART_LIMITS, MEASURE).map(({ families }) => families);
  const last = Math.max(parts.length - 1, 0);
  return (parts.length > 0 ? parts : [[]]).map((deltas, part) => ({
    sequence,
    resource,
    collectedAtMs,
    part,
    last: part === last,
    deltas,
    current: part === last ? current : [],
  }));
}
