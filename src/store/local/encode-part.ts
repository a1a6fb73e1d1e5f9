import { type BatchRecord, type Change, encodeNumber } from './log-record.js';
import type { Family } from '../../model/family.js';
import type { Series } from '../../model/series.js';
import type { BatchPart, Sender } from '../state/batch-part.js';
import { recordedSince } from '../state/recorded-since.js';

/** What the records of a log have said, which the next record of an instance need not say again. */
export interface SaidInLog {
  /** Whether this instance has described the family. */
  hasFamily(family: Family): boolean;
  hasSeries(series: Series): boolean;
  /** Whether the log has the resource of this instance. */
  readonly hasResource: boolean;
  /** The time of the last wipe. */
  readonly wipedAtMs: number;
}

/** A part of a batch as the next record of a log. */
export function encodePart(
  part: BatchPart,
  atMs: number,
  { leaseMs, maxSeries }: Omit<Sender, 'lease'>,
  said: SaidInLog,
): Change<BatchRecord> {
  const families: Family[] = [];
  const series = new Map<string, Series>();
  const describe = (family: Family): void => {
    if (!said.hasFamily(family)) families.push(family);
  };
  const name = (one: Series): string => {
    if (!said.hasSeries(one)) series.set(one.id, one);
    return one.id;
  };
  const deltas: Array<BatchRecord['deltas'][number]> = [];
  for (const { family, points } of part.deltas) {
    if (points.length === 0) continue;
    describe(family);
    deltas.push([family.key, points.map((point) => [name(point.series), ...point.values.map(encodeNumber)])]);
  }
  const current: Array<BatchRecord['current'][number]> = [];
  for (const { family, points } of recordedSince(part.current, part.collectedAtMs, said.wipedAtMs)) {
    if (points.length === 0) continue;
    describe(family);
    current.push([family.key, points.map((one) => [name(one.series), encodeNumber(one.value), one.ageMs])]);
  }
  return {
    kind: 'batch',
    atMs,
    leaseMs,
    maxSeries,
    ...(!said.hasResource && part.resource !== undefined && { resource: part.resource }),
    collectedMs: part.collectedAtMs,
    sequence: part.sequence,
    part: part.part,
    last: part.last,
    families,
    series: [...series.values()],
    deltas,
    current,
  };
}
