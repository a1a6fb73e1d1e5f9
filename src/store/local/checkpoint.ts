import { encodeNumber, type JsonNumber } from './log-record.js';
import { assertSchema, type LocalReplica } from './replica.js';
import { SCHEMA_VERSION } from '../metric-store.js';
import type { Attributes, Series } from '../../model/series.js';
import type { Family } from '../../model/family.js';
import type { Hold } from '../state/project-state.js';

type Line =
  | { readonly kind: 'state'; readonly v: number; readonly project?: string | undefined }
  | { readonly kind: 'family'; readonly family: Family; readonly createdMs: number }
  | { readonly kind: 'series'; readonly key: string; readonly series: readonly SeriesRow[] }
  | {
      readonly kind: 'instance';
      readonly lease: string;
      readonly resource?: Attributes | undefined;
      readonly sequence: number;
      readonly parts: number;
      readonly complete: boolean;
      readonly overflowed: number;
      readonly updatedMs: number;
      readonly leaseEndMs: number;
      readonly values: readonly ValueRow[];
    }
  | ({ readonly kind: 'hold'; readonly name: string } & Hold)
  | { readonly kind: 'end' };

type SeriesRow = readonly [series: Series, updatedMs: number, startMs: number, ...values: JsonNumber[]];
/** The series is named by id where its family has it. */
type ValueRow = readonly [key: string, series: string | Series, recordedMs: number, value: JsonNumber];

/** Rows of one line: what takes about a millisecond to encode or to read. */
const SERIES_PER_LINE = 200;

/** The state as lines of JSON, to be written one after the other. The state must not change in between. */
export function* encodeCheckpoint({ state }: LocalReplica): Generator<string> {
  yield encodeLine({ kind: 'state', v: SCHEMA_VERSION, project: state.project });
  for (const [key, { family, createdMs, series }] of state.families) {
    yield encodeLine({ kind: 'family', family, createdMs });
    const all = [...series.values()];
    for (let start = 0; start < all.length; start += SERIES_PER_LINE) {
      const rows = all
        .slice(start, start + SERIES_PER_LINE)
        .map((one): SeriesRow => [one.series, one.updatedMs, one.startMs, ...one.values.map(encodeNumber)]);
      yield encodeLine({ kind: 'series', key, series: rows });
    }
  }
  for (const [lease, { values, ...instance }] of state.instances) {
    const rows = values.map(({ familyKey, series, recordedMs, value }): ValueRow => {
      const listed = state.families.get(familyKey)?.series.has(series.id) === true;
      return [familyKey, listed ? series.id : series, recordedMs, encodeNumber(value)];
    });
    yield encodeLine({ kind: 'instance', lease, ...instance, values: rows });
  }
  for (const [name, held] of state.holds) yield encodeLine({ kind: 'hold', name, ...held });
  yield encodeLine({ kind: 'end' });
}

const encodeLine = (line: Line): string => `${JSON.stringify(line)}\n`;

/**
 * Takes the lines of {@link encodeCheckpoint} into an empty replica, one call for each. Answers true for the last one; a
 * checkpoint that ends before is damaged. Throws on a line that it cannot read.
 */
export function restoreLine(replica: LocalReplica, text: string): boolean {
  const { state } = replica;
  const line = JSON.parse(text) as Line;
  if (line.kind === 'state') {
    assertSchema(line.v);
    state.project = line.project;
  } else if (line.kind === 'family') {
    state.families.set(line.family.key, {
      family: line.family,
      createdMs: line.createdMs,
      series: new Map(),
    });
  } else if (line.kind === 'series') {
    const target = state.families.get(line.key);
    if (target === undefined) throw new RangeError(`series of an unknown family ${line.key}`);
    for (const [series, updatedMs, startMs, ...values] of line.series) {
      target.series.set(series.id, { series, updatedMs, startMs, values: values.map(Number) });
    }
  } else if (line.kind === 'instance') {
    restoreInstance(replica, line);
  } else if (line.kind === 'hold') {
    state.holds.set(line.name, { lease: line.lease, untilMs: line.untilMs });
  } else {
    replica.prune();
    return true;
  }
  return false;
}

function restoreInstance({ state }: LocalReplica, line: Extract<Line, { kind: 'instance' }>): void {
  const { kind: _, lease, values, resource, ...instance } = line;
  state.instances.set(lease, {
    ...instance,
    ...(resource !== undefined && { resource }),
    values: values.map(([familyKey, named, recordedMs, value]) => {
      const series =
        typeof named === 'string' ? state.families.get(familyKey)?.series.get(named)?.series : named;
      if (series === undefined) throw new RangeError(`an unknown series of ${familyKey}`);
      return { familyKey, series, recordedMs, value: Number(value) };
    }),
  });
}
