import type { Step } from '../../../event-loop/fair-yield.js';
import type { Family } from '../../../model/family.js';
import { areValuesOf } from '../../../model/values.js';
import type { Series } from '../../../model/series.js';
import type { StoredSeries, StoredValue } from '../../snapshot/stored-state.js';
import type { Fields } from './hash-reading.js';

/** 0.2 ms of decoding: the slice of the event loop that a snapshot takes, over all its families and instances. */
export const SERIES_PER_SLICE = 100;

/** Of a series: when it was written and when it began. Of a current value: its time and the value. */
const HEADER_BYTES = 16;

/** A time that is so far ahead was written before Redis' clock was set back. */
const MAX_AHEAD_MS = 60_000;

/** By family and id. */
export type SeriesById = ReadonlyMap<string, ReadonlyMap<string, Series>>;

/** What an instance reports, still packed. */
export interface SplitInstance {
  /** JSON; empty if there is none. */
  readonly resource: string;
  /** How long its lease lasts after a batch; undefined if it does not say. */
  readonly leaseMs: number | undefined;
  readonly values: ReadonlyArray<{
    readonly familyKey: string;
    readonly id: string;
    readonly packed: Buffer;
  }>;
}

/** Notes in `wanted` which series are needed. */
export async function splitInstance(
  fields: Fields,
  wanted: Map<string, Set<string>>,
  step: Step,
): Promise<SplitInstance> {
  let resource = '';
  let leaseMs: number | undefined;
  const values: Array<SplitInstance['values'][number]> = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const field = fields[index]?.toString('latin1') ?? '';
    const packed = fields[index + 1];
    if (!packed) continue;
    const slash = field.lastIndexOf('/');
    if (field === 'resource') resource = packed.toString();
    else if (field === 'leaseMs') leaseMs = Number(packed.toString());
    else if (slash > 0) {
      const familyKey = field.slice(0, slash);
      const id = field.slice(slash + 1);
      idsOf(wanted, familyKey).add(id);
      values.push({ familyKey, id, packed });
    }
    const turn = step();
    if (turn !== undefined) await turn;
  }
  return { resource, leaseMs, values };
}

/** Notes in `wanted` which series are needed, and answers their ids in the order of the fields. */
export async function want(
  wanted: Map<string, Set<string>>,
  familyKey: string,
  fields: Fields,
  step: Step,
): Promise<string[]> {
  const all = idsOf(wanted, familyKey);
  const ids: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const id = fields[index]?.toString('latin1') ?? '';
    ids.push(id);
    all.add(id);
    const turn = step();
    if (turn !== undefined) await turn;
  }
  return ids;
}

function idsOf(wanted: Map<string, Set<string>>, familyKey: string): Set<string> {
  let ids = wanted.get(familyKey);
  if (ids === undefined) wanted.set(familyKey, (ids = new Set()));
  return ids;
}

export interface DecodedFamily {
  readonly series: StoredSeries[];
  /** Ids whose bytes are not of this family. */
  readonly unreadable: string[];
}

/** @param ids of the fields, from {@link want} */
export async function decodeValues(
  family: Family,
  fields: Fields,
  ids: readonly string[],
  known: ReadonlyMap<string, Series> | undefined,
  step: Step,
): Promise<DecodedFamily> {
  const series: StoredSeries[] = [];
  const unreadable: string[] = [];
  for (const [index, id] of ids.entries()) {
    const turn = step();
    if (turn !== undefined) await turn;
    const one = known?.get(id);
    const packed = fields[2 * index + 1];
    // A current value of another version of the application is listed without numbers.
    if (one === undefined || !packed || packed.length === HEADER_BYTES) continue;
    const stored = decodeSeries(family, one, packed);
    if (stored === undefined) unreadable.push(id);
    else series.push(stored);
  }
  return { series, unreadable };
}

function decodeSeries(family: Family, series: Series, packed: Buffer): StoredSeries | undefined {
  if (packed.length <= HEADER_BYTES || packed.length % 8 !== 0) return undefined;
  // Not a Float64Array, whose memory is outside of the heap: V8 then collects garbage for what is gone at once anyway.
  const values: number[] = [];
  for (let at = HEADER_BYTES; at < packed.length; at += 8) values.push(packed.readDoubleLE(at));
  const startedAtMs = packed.readDoubleLE(8);
  if (!areValuesOf(family, values) || !Number.isFinite(startedAtMs)) return undefined;
  return { series, updatedAtMs: packed.readDoubleLE(0), startedAtMs, values };
}

export interface DecodedValues {
  readonly values: StoredValue[];
  /** Fields whose bytes are no current value. */
  readonly unreadable: string[];
}

/** @param nowMs by Redis' clock */
export async function decodeCurrent(
  values: SplitInstance['values'],
  known: SeriesById,
  nowMs: number,
  step: Step,
): Promise<DecodedValues> {
  const decoded: StoredValue[] = [];
  const unreadable: string[] = [];
  for (const { familyKey, id, packed } of values) {
    const turn = step();
    if (turn !== undefined) await turn;
    const series = known.get(familyKey)?.get(id);
    if (packed.length !== HEADER_BYTES) unreadable.push(`${familyKey}/${id}`);
    if (series === undefined || packed.length !== HEADER_BYTES) continue;
    const recordedAtMs = packed.readDoubleLE(0);
    decoded.push({
      familyKey,
      series,
      // It is older than all that was recorded since.
      recordedAtMs: recordedAtMs > nowMs + MAX_AHEAD_MS ? 0 : recordedAtMs,
      value: packed.readDoubleLE(8),
    });
  }
  return { values: decoded, unreadable };
}
