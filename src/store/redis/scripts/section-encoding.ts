import type { Family } from '../../../model/family.js';
import { encodeSeries } from '../../../model/series.js';
import type { BatchSection, SectionPoint } from './batch-section.js';
import type { RedisArgument } from './script.js';

/** Every id of a series has 16 characters, but that of the overflow series, which is filled up with spaces. */
const ID_BYTES = 16;

/** Of an addition, besides its numbers: where they begin and how many there are. */
const RUN_BYTES = 8;

/**
 * Appends a section's arguments: family key, descriptor (JSON or ''), mode, width, n, payload, l, l times (index, labels), r,
 * r ids to remove. The payload is n ids, then n points, all numbers little-endian doubles:
 * - `d` [from, n as 32 bit, first number, n numbers]: what is not there is zero
 * - `e` [width, numbers]
 * - `k`, `c` [age in ms, value]
 *
 * @param known ids that need no labels; without it the family is described and every series labelled
 * @param nowMark `performance.now()`; the ages of current values end here
 */
export function encodeSection(
  argv: RedisArgument[],
  section: BatchSection,
  known: ReadonlySet<string> | undefined,
  nowMark: number,
): void {
  const { family, mode, points, removed } = section;
  const width = points[0]?.values?.length ?? 0;
  argv.push(family.key, known === undefined ? encodeDescriptor(family) : '', mode, width, points.length);
  argv.push(payload(section, nowMark), 0);
  const at = argv.length - 1;
  let labels = 0;
  for (const [index, { series }] of points.entries()) {
    if (known?.has(series.id) === true) continue;
    argv.push(index + 1, encodeSeries(series.scope, series.attributes));
    labels += 1;
  }
  argv[at] = labels;
  argv.push(removed.length, ...removed);
}

/** As Redis keeps it, but for the time of creation. */
export function encodeDescriptor({ key: _key, ...family }: Family): string {
  return JSON.stringify(family);
}

function payload({ mode, points }: BatchSection, nowMark: number): Buffer {
  let bytes = 0;
  for (const { values } of points) bytes += ID_BYTES + RUN_BYTES + 8 * Math.max(values?.length ?? 0, 2);
  const buffer = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const { series } of points) offset += buffer.write(series.id.padEnd(ID_BYTES), offset, 'latin1');
  for (const point of points) {
    if (mode === 'd') offset = writeSum(buffer, point.values ?? [], offset);
    else if (mode === 'e') offset = writeAll(buffer, point.values ?? [], offset);
    else offset = writeCurrent(buffer, point, nowMark, offset);
  }
  return buffer.subarray(0, offset);
}

/** Of a histogram few buckets have counted something since the last flush, and those lie together. */
function writeSum(buffer: Buffer, values: readonly number[], offset: number): number {
  let first = 1;
  let end = values.length;
  while (first < end && values[first] === 0) first += 1;
  while (end > first && values[end - 1] === 0) end -= 1;
  let at = buffer.writeUInt32LE(first - 1, offset);
  at = buffer.writeUInt32LE(end - first, at);
  at = buffer.writeDoubleLE(values[0] ?? 0, at);
  for (let index = first; index < end; index += 1) at = buffer.writeDoubleLE(values[index] ?? 0, at);
  return at;
}

function writeAll(buffer: Buffer, values: readonly number[], offset: number): number {
  let at = buffer.writeDoubleLE(values.length, offset);
  for (const value of values) at = buffer.writeDoubleLE(value, at);
  return at;
}

function writeCurrent(buffer: Buffer, point: SectionPoint, nowMark: number, offset: number): number {
  const { value = Number.NaN, changedMark = nowMark } = point;
  return buffer.writeDoubleLE(value, buffer.writeDoubleLE(Math.round(nowMark - changedMark), offset));
}
