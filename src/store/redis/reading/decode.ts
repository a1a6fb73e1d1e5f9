import type { Step } from '../../../event-loop/fair-yield.js';
import type { StoredSeries, StoredValue } from '../../snapshot/stored-state.js';
import type { Series } from '../../../model/series.js';

/** 0.2 ms of decoding: the slice of the event loop that a snapshot takes, over all its families and instances. */
export const SERIES_PER_SLICE = 100;

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
  step: Step,
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
    const turn = step();
    if (turn !== undefined) await turn;
  }
  return { resource, values };
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

/** @param ids of the fields, from {@link want} */
export async function decodeValues(
  fields: Fields,
  ids: readonly string[],
  known: ReadonlyMap<string, Series> | undefined,
  step: Step,
): Promise<StoredSeries[]> {
  const decoded: StoredSeries[] = [];
  for (const [index, id] of ids.entries()) {
    const turn = step();
    if (turn !== undefined) await turn;
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
  step: Step,
): Promise<StoredValue[]> {
  const decoded: StoredValue[] = [];
  for (const { familyKey, id, packed } of values) {
    const turn = step();
    if (turn !== undefined) await turn;
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
