import type { Family } from '../../../model/family.js';
import { type Attributes, encodeSeries } from '../../../model/series.js';
import { SCHEMA_VERSION, type StoreContext } from '../../metric-store.js';
import type { BatchSection } from '../writing/batch-part.js';
import type { RedisKeys } from './keys.js';
import { APPLY_LUA } from './apply-lua.js';
import {
  defineScript,
  unexpectedReply,
  type RedisArgument,
  type RedisScript,
  type ScriptArguments,
} from './script.js';

/** One part of a batch, and what Redis must know to apply it once. */
export interface ApplyCall {
  readonly keys: RedisKeys;
  readonly instance: Pick<StoreContext, 'project' | 'lease' | 'leaseMs' | 'ttlMs' | 'maxSeries'>;
  readonly keyTtlMs: number;
  /** Of an instance that Redis does not know: the message carries its resource, descriptors and all labels. */
  readonly full: boolean;
  readonly position: number;
  readonly previous: number;
  /** The project's epoch as far as known; undefined accepts any. */
  readonly epoch: string | undefined;
  readonly resource: Attributes;
  readonly sections: readonly BatchSection[];
  /** By family key: ids whose labels Redis has; a family that is missing here is described. Not used by a full message. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>;
  /** `performance.now()`; the ages of current values end here. */
  readonly nowMark: number;
}

export type ApplyReply =
  | {
      readonly status: 'applied';
      readonly epoch: string;
      /** Additions that the cap moved into the overflow series. */
      readonly overflowed: number;
      /** Current values that the cap did not admit. */
      readonly refused: readonly RefusedPoint[];
    }
  /** This position was applied before. */
  | { readonly status: 'seen'; readonly epoch: string }
  /** Something is unknown there; send the same part in full. `epoch` is empty if there is no project yet. */
  | { readonly status: 'resend'; readonly epoch: string }
  /** Redis knows less than it confirmed (failover): it is at `position`. */
  | { readonly status: 'behind'; readonly position: number }
  | { readonly status: 'taken'; readonly owner: string }
  | { readonly status: 'schema'; readonly found: string };

export interface RefusedPoint {
  readonly section: BatchSection | undefined;
  readonly id: string;
}

/**
 * Applies one part of a batch: all of it or nothing, once.
 *
 * KEYS  1 project, 2 families, 3 instances, 4 instance; then for each section: values, labels
 * ARGV  1 full (1: labels, descriptors and resource are in this message)
 *       2 position, 3 position of the part before
 *       4 expected epoch (`*`: any, `''`: no project yet), 5 schema, 6 project name, 7 lease
 *       8 lease length (ms), 9 series ttl (ms), 10 key ttl (ms), 11 series per family, 12 resource (JSON), 13 number of sections
 *       then each section: family key, descriptor (JSON or ''), mode (d: add, e: add exponential histograms, k: keep,
 *         c: current), width, n, n ids, payload (n * width little-endian doubles; k and c: [ageMs, value]; e: each point
 *         preceded by its own width), l, l times (index, labels), r, r ids to remove (c)
 * Returns { 'ok', epoch, overflowed points of d and e, then section index and id of each k or c point beyond the cap }
 *         { 'seen', epoch } { 'resend', epoch or '' } { 'behind', epoch, position } { 'taken', name } { 'schema', version }
 */
export const APPLY: RedisScript<ApplyCall, ApplyReply> = defineScript({
  name: 'apply',
  lua: APPLY_LUA,
  encode,
  decode,
});

function encode(call: ApplyCall): ScriptArguments {
  const { keys, instance, full, epoch, sections } = call;
  const { project, lease, leaseMs, ttlMs, maxSeries } = instance;
  const argv: RedisArgument[] = [
    full ? '1' : '0',
    call.position,
    call.previous,
    epoch ?? '*',
    SCHEMA_VERSION,
    project,
    lease,
    leaseMs,
    ttlMs,
    call.keyTtlMs,
    maxSeries,
    full ? JSON.stringify(call.resource) : '',
    sections.length,
  ];
  const names = [keys.project, keys.families, keys.instances, keys.instance(lease)];
  for (const section of sections) {
    const { key } = section.family;
    names.push(keys.values(key), keys.labels(key));
    encodeSection(argv, section, full ? undefined : call.known.get(key), call.nowMark);
  }
  return { keys: names, argv };
}

/** @param known ids that need no labels; without it the family is described and every series labelled */
function encodeSection(
  argv: RedisArgument[],
  section: BatchSection,
  known: ReadonlySet<string> | undefined,
  nowMark: number,
): void {
  const { family, mode, width, points, removed } = section;
  argv.push(family.key, known === undefined ? descriptor(family) : '', mode, width, points.length);
  for (const { series } of points) argv.push(series.id);
  argv.push(payload(section, nowMark));
  const at = argv.push(0) - 1;
  let labels = 0;
  for (const [index, { series }] of points.entries()) {
    if (known?.has(series.id) === true) continue;
    argv.push(index + 1, encodeSeries(series.scope, series.attributes));
    labels++;
  }
  argv[at] = labels;
  argv.push(removed.length, ...removed);
}

function descriptor({ key: _key, ...family }: Family): string {
  return JSON.stringify(family);
}

function payload({ mode, width, points }: BatchSection, nowMark: number): Buffer {
  if (mode === 'e')
    return Buffer.concat(points.map(({ values = [] }) => doubles([values.length, ...values])));
  const buffer = Buffer.allocUnsafe(points.length * width * 8);
  let offset = 0;
  for (const point of points) {
    if (mode === 'd') {
      for (const value of point.values ?? []) offset = buffer.writeDoubleLE(value, offset);
    } else {
      offset = buffer.writeDoubleLE(Math.round(nowMark - (point.changedMark ?? nowMark)), offset);
      offset = buffer.writeDoubleLE(point.value ?? Number.NaN, offset);
    }
  }
  return buffer;
}

function doubles(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(values.length * 8);
  for (const [index, value] of values.entries()) buffer.writeDoubleLE(value, index * 8);
  return buffer;
}

function decode(reply: unknown, { sections }: ApplyCall): ApplyReply {
  const [status, ...rest] = Array.isArray(reply) ? (reply as unknown[]) : [reply];
  const first = String(rest[0]);
  switch (status) {
    case 'ok':
      return {
        status: 'applied',
        epoch: first,
        overflowed: Number(rest[1]),
        refused: decodeRefused(rest.slice(2), sections),
      };
    case 'seen':
    case 'resend':
      return { status, epoch: first };
    case 'behind':
      return { status, position: Number(rest[1]) };
    case 'taken':
      return { status, owner: first };
    case 'schema':
      return { status, found: first };
    default:
      throw unexpectedReply('apply', reply);
  }
}

/** Pairs of section index, from 1, and series id. */
function decodeRefused(pairs: readonly unknown[], sections: readonly BatchSection[]): RefusedPoint[] {
  const refused: RefusedPoint[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2)
    refused.push({ section: sections[Number(pairs[index]) - 1], id: String(pairs[index + 1]) });
  return refused;
}
