import { setImmediate as nextTurn } from 'node:timers/promises';

import type { StoredSeries, StoredValue } from '../snapshot/stored-state.js';
import type { Series } from '../../model/series.js';

/** 0.2 ms of decoding. */
const SERIES_PER_TURN = 100;

/** Counts what a snapshot decodes, over all its families and instances. */
export class DecodingTurns {
  #decoded = 0;

  /** To be asked after each series; true when the event loop should have its turn. */
  isOver(): boolean {
    this.#decoded += 1;
    return this.#decoded % SERIES_PER_TURN === 0;
  }
}

/** By family and id. */
export type SeriesById = ReadonlyMap<string, ReadonlyMap<string, Series>>;

/** An answer to HGETALL: fields and values in turn. */
type Fields = ReadonlyArray<Buffer | null>;

/** What an instance reports, still packed. */
export interface SplitInstance {
  /** JSON; empty if there is none. */
  readonly resource: string;
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
  turns: DecodingTurns,
): Promise<SplitInstance> {
  let resource = '';
  const values: Array<SplitInstance['values'][number]> = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const field = fields[index]?.toString('latin1') ?? '';
    const packed = fields[index + 1];
    if (!packed) continue;
    const slash = field.lastIndexOf('/');
    if (field === 'resource') resource = packed.toString();
    else if (slash > 0) {
      const familyKey = field.slice(0, slash);
      const id = field.slice(slash + 1);
      idsOf(wanted, familyKey).add(id);
      values.push({ familyKey, id, packed });
    }
    if (turns.isOver()) await nextTurn();
  }
  return { resource, values };
}

/** Notes in `wanted` which series are needed, and answers their ids in the order of the fields. */
export async function want(
  wanted: Map<string, Set<string>>,
  familyKey: string,
  fields: Fields,
  turns: DecodingTurns,
): Promise<string[]> {
  const all = idsOf(wanted, familyKey);
  const ids: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const id = fields[index]?.toString('latin1') ?? '';
    ids.push(id);
    all.add(id);
    if (turns.isOver()) await nextTurn();
  }
  return ids;
}

function idsOf(wanted: Map<string, Set<string>>, familyKey: string): Set<string> {
  let ids = wanted.get(familyKey);
  if (ids === undefined) wanted.set(familyKey, (ids = new Set()));
  return ids;
}

/** @param ids of the fields, from {@link want} */
export async function decodeValues(
  fields: Fields,
  ids: readonly string[],
  known: ReadonlyMap<string, Series> | undefined,
  turns: DecodingTurns,
): Promise<StoredSeries[]> {
  const decoded: StoredSeries[] = [];
  for (const [index, id] of ids.entries()) {
    if (turns.isOver()) await nextTurn();
    const series = known?.get(id);
    const packed = fields[2 * index + 1];
    if (series === undefined || !packed || packed.length < 24) continue;
    // Not a Float64Array, whose memory is outside of the heap: V8 then collects garbage for what is gone at once anyway.
    const values: number[] = [];
    for (let at = 16; at < packed.length; at += 8) values.push(packed.readDoubleLE(at));
    decoded.push({
      series,
      updatedAtMs: packed.readDoubleLE(0),
      startedAtMs: packed.readDoubleLE(8),
      values,
    });
  }
  return decoded;
}

export async function decodeCurrent(
  values: SplitInstance['values'],
  known: SeriesById,
  turns: DecodingTurns,
): Promise<StoredValue[]> {
  const decoded: StoredValue[] = [];
  for (const { familyKey, id, packed } of values) {
    if (turns.isOver()) await nextTurn();
    const series = known.get(familyKey)?.get(id);
    if (series === undefined || packed.length !== 16) continue;
    decoded.push({
      familyKey,
      series,
      recordedAtMs: packed.readDoubleLE(0),
      value: packed.readDoubleLE(8),
    });
  }
  return decoded;
}
