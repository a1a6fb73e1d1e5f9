import { isSeries, isAttributes, isFamily, isObject } from '../../state/stored-shapes.js';
import type { LogRecord } from '../log-record.js';
import { assertSchema, isSchema } from './schema.js';
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
} from './shape.js';

/** A line of the log that this package cannot have written. It costs itself. */
export class UnreadableRecord extends Error {}

const isGeneration: Check = (value) => typeof value === 'string' && /^\d{1,15}-[a-z0-9]{1,40}$/.test(value);
const isDelta = listWith(isText, (values) => values.every(isValue));
const isCurrent = listWith(
  isText,
  ([value, ageMs, ...more]) => isValue(value) && isNumber(ageMs) && more.length === 0,
);
const isPointsOf = (isPoint: Check): Check =>
  listWith(isText, ([points, ...more]) => listOf(isPoint)(points) && more.length === 0);

const COMMON: Readonly<Record<string, Check>> = {
  project: isText,
  lease: isText,
  number: isNumber,
  boot: optional(isBoot),
};

const KINDS: Readonly<Record<LogRecord['kind'], Readonly<Record<string, Check>>>> = {
  batch: {
    atMs: isPositive,
    leaseMs: isPositive,
    maxSeries: isCount,
    resource: optional(isAttributes),
    collectedMs: isNumber,
    sequence: isCount,
    part: isCount,
    last: isTrueOrFalse,
    families: listOf(isFamily),
    series: listOf(isSeries),
    deltas: listOf(isPointsOf(isDelta)),
    current: listOf(isPointsOf(isCurrent)),
  },
  hold: { atMs: isPositive, name: isText, ms: isPositive },
  leave: { of: optional(isText) },
  forget: { atMs: isPositive, families: listOf(isText) },
  sweep: { atMs: isPositive, ttlMs: isPositive },
  wipe: { atMs: optional(isPositive) },
  seal: { next: isGeneration },
};

/** How each line of ours begins. */
const BEGINNING = '{"v":';

/**
 * The record of a line; undefined for an empty line, and for one that a killed process or a full disk left unfinished.
 *
 * @throws UnreadableRecord for what this package cannot have written
 * @throws OrchestratorError for a record of another schema version
 */
export function readRecord(line: string): LogRecord | undefined {
  if (line === '') return undefined;
  const record = parse(line);
  if (record === undefined) return undefined;
  if (!isObject(record)) throw new UnreadableRecord('it is no record');
  if (!isSchema(record['v'])) throw new UnreadableRecord('its v is no version');
  assertSchema(record['v']);
  const { kind } = record;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))
    throw new UnreadableRecord('its kind is unknown');
  const wrong = misshapen(record, COMMON) ?? misshapen(record, KINDS[kind as LogRecord['kind']]);
  if (wrong !== undefined) throw new UnreadableRecord(`its ${wrong} is of another kind`);
  return record as unknown as LogRecord;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    if (BEGINNING.startsWith(line.slice(0, BEGINNING.length))) return undefined;
    throw new UnreadableRecord('it is no JSON');
  }
}
