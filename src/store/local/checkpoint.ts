import type { Family } from '../../model/family.js';
import type { Attributes, Series } from '../../model/series.js';
import { areValuesOf } from '../../model/values.js';
import { SCHEMA_VERSION } from '../metric-store.js';
import { isAttributes, isFamily, isObject, isSeries } from '../state/stored-shapes.js';
import { ProjectFamily } from '../state/project-family.js';
import { ProjectInstance } from '../state/project-instance.js';
import { encodeNumber, type JsonNumber } from './log-record.js';
import type { Replica } from './replica.js';
import { assertSchema, isSchema } from './records/schema.js';
import {
  type Check,
  isBoot,
  isCount,
  isNumber,
  isPositive,
  isText,
  isTrueOrFalse,
  isValue,
  listOf,
  listWith,
  misshapen,
  optional,
} from './records/shape.js';
import type { BootTime } from './store-clock.js';

type Line =
  | {
      readonly kind: 'state';
      readonly v: number;
      readonly project?: string | undefined;
      readonly boot?: BootTime | undefined;
      /** Absent if the project was never wiped. */
      readonly wipedMs?: number;
    }
  | { readonly kind: 'family'; readonly family: Family; readonly createdMs: number }
  | { readonly kind: 'series'; readonly key: string; readonly series: readonly SeriesRow[] }
  | InstanceLine
  | { readonly kind: 'hold'; readonly name: string; readonly lease: string; readonly untilMs: number }
  | { readonly kind: 'end' };

interface InstanceLine {
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

type SeriesRow = readonly [series: Series, updatedMs: number, startMs: number, ...values: JsonNumber[]];
/** The series is named by id where its family has it. */
type ValueRow = readonly [key: string, series: string | Series, recordedMs: number, value: JsonNumber];

/** Rows of one line; they take about a millisecond to encode or to read. */
const SERIES_PER_LINE = 200;

/** The state as lines of JSON, to be written one after the other. The state must not change meanwhile. */
export function* encodeCheckpoint(replica: Replica): Generator<string> {
  const { state, bootTime } = replica;
  const { project, wipedAtMs } = state;
  const wiped = Number.isFinite(wipedAtMs) && { wipedMs: wipedAtMs };
  yield encodeLine({ kind: 'state', v: SCHEMA_VERSION, project, boot: bootTime, ...wiped });
  for (const [key, { family, createdAtMs, series }] of state.families) {
    yield encodeLine({ kind: 'family', family, createdMs: createdAtMs });
    const all = [...series.values()];
    for (let start = 0; start < all.length; start += SERIES_PER_LINE) {
      const rows = all
        .slice(start, start + SERIES_PER_LINE)
        .map((one): SeriesRow => [
          one.series,
          one.updatedAtMs,
          one.startedAtMs,
          ...one.values.map(encodeNumber),
        ]);
      yield encodeLine({ kind: 'series', key, series: rows });
    }
  }
  for (const [lease, instance] of state.instances)
    if (!instance.isOver(replica.latestAtMs)) yield encodeLine(instanceLine(replica, lease, instance));
  for (const [name, { lease, endsAtMs }] of state.locks)
    yield encodeLine({ kind: 'hold', name, lease, untilMs: endsAtMs });
  yield encodeLine({ kind: 'end' });
}

const encodeLine = (line: Line): string => `${JSON.stringify(line)}\n`;

function instanceLine({ state }: Replica, lease: string, instance: ProjectInstance): InstanceLine {
  return {
    kind: 'instance',
    lease,
    resource: instance.resource,
    sequence: instance.sequence,
    parts: instance.parts,
    complete: instance.complete,
    overflowed: instance.overflowed,
    updatedMs: instance.updatedAtMs,
    leaseEndMs: instance.leaseEndsAtMs,
    values: instance.values.map(({ familyKey, series, recordedAtMs, value }): ValueRow => {
      const isListed = state.families.get(familyKey)?.series.has(series.id) === true;
      return [familyKey, isListed ? series.id : series, recordedAtMs, encodeNumber(value)];
    }),
  };
}

/**
 * Takes one line of {@link encodeCheckpoint} into a replica that was empty before the first. Returns true for the last line;
 * a checkpoint that ends before it is damaged. Throws on a line that it cannot read.
 */
export function restoreLine(replica: Replica, text: string): boolean {
  const { state } = replica;
  if (isEndedInstance(text)) {
    replica.endedInstances += 1;
    return false;
  }
  const line = readLine(text);
  if (line.kind === 'state') {
    assertSchema(line.v);
    state.project = line.project;
    replica.bootTime = line.boot;
    state.wipedAtMs = line.wipedMs ?? Number.NEGATIVE_INFINITY;
  } else if (line.kind === 'family') {
    state.families.set(line.family.key, new ProjectFamily(line.family, line.createdMs));
  } else if (line.kind === 'series') {
    const target = state.families.get(line.key);
    if (target === undefined) throw new RangeError(`series of an unknown family ${line.key}`);
    for (const [series, updatedAtMs, startedAtMs, ...values] of line.series) {
      const numbers = values.map(Number);
      if (target.family.aggregation === undefined && !areValuesOf(target.family, numbers))
        throw new RangeError(`values of ${line.key} are not of its kind`);
      target.series.set(series.id, { series, updatedAtMs, startedAtMs, values: numbers });
      replica.latestAtMs = Math.max(replica.latestAtMs, updatedAtMs);
    }
  } else if (line.kind === 'instance') {
    state.instances.set(line.lease, restoreInstance(replica, line));
    replica.latestAtMs = Math.max(replica.latestAtMs, line.updatedMs);
  } else if (line.kind === 'hold') {
    state.locks.set(line.name, { lease: line.lease, endsAtMs: line.untilMs });
  } else {
    replica.prune();
    return true;
  }
  return false;
}

const isRow = listWith(
  isSeries,
  ([updatedMs, startMs, ...values]) => isNumber(updatedMs) && isNumber(startMs) && values.every(isValue),
);
const isValueRow = listWith(
  isText,
  ([series, recordedMs, value, ...more]) =>
    (isText(series) || isSeries(series)) && isNumber(recordedMs) && isValue(value) && more.length === 0,
);

const KINDS: Readonly<Record<Line['kind'], Readonly<Record<string, Check>>>> = {
  state: { v: isSchema, project: optional(isText), boot: optional(isBoot), wipedMs: optional(isNumber) },
  family: { family: isFamily, createdMs: isNumber },
  series: { key: isText, series: listOf(isRow) },
  instance: {
    lease: isText,
    resource: optional(isAttributes),
    sequence: isCount,
    parts: isCount,
    complete: isTrueOrFalse,
    overflowed: isCount,
    updatedMs: isNumber,
    leaseEndMs: isNumber,
    values: listOf(isValueRow),
  },
  hold: { name: isText, lease: isText, untilMs: isPositive },
  end: {},
};

function readLine(text: string): Line {
  const line: unknown = JSON.parse(text);
  const kind = isObject(line) ? line['kind'] : undefined;
  if (!isObject(line) || typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))
    throw new RangeError('a line is of no kind');
  const wrong = misshapen(line, KINDS[kind as Line['kind']]);
  if (wrong !== undefined) throw new RangeError(`the ${wrong} of a line is of another kind`);
  return line as unknown as Line;
}

/**
 * Not parsed: version 0.1.0 kept an instance for a day after its end, and a project of short jobs has a hundred thousand of
 * them.
 */
function isEndedInstance(text: string): boolean {
  return (
    text.startsWith('{"kind":"instance"') &&
    text.endsWith('"leaseEndMs":0,"values":[]}') &&
    text.includes('"complete":true')
  );
}

function restoreInstance({ state }: Replica, line: InstanceLine): ProjectInstance {
  const instance = new ProjectInstance();
  instance.resource = line.resource;
  instance.sequence = line.sequence;
  instance.parts = line.parts;
  instance.complete = line.complete;
  instance.overflowed = line.overflowed;
  instance.updatedAtMs = line.updatedMs;
  instance.leaseEndsAtMs = line.leaseEndMs;
  instance.values = line.values.map(([familyKey, named, recordedAtMs, value]) => {
    const series =
      typeof named === 'string' ? state.families.get(familyKey)?.series.get(named)?.series : named;
    if (series === undefined) throw new RangeError(`an unknown series of ${familyKey}`);
    return { familyKey, series, recordedAtMs, value: Number(value) };
  });
  return instance;
}
