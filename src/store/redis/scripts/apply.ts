import type { Attributes } from '../../../model/series.js';
import { SCHEMA_VERSION, type StoreContext } from '../../metric-store.js';
import { APPLY_LUA } from './apply-lua.js';
import type { BatchSection } from './batch-section.js';
import type { RedisKeys } from './keys.js';
import {
  defineScript,
  unexpectedReply,
  type RedisArgument,
  type RedisScript,
  type ScriptArguments,
} from './script.js';
import { encodeSection } from './section-encoding.js';

/** One part of a batch, and what Redis must know to apply it once. */
export interface ApplyCall {
  readonly keys: RedisKeys;
  readonly instance: Pick<StoreContext, 'project' | 'lease' | 'leaseMs' | 'ttlMs' | 'maxSeries'>;
  readonly keyTtlMs: number;
  /**
   * - `partial`: with the descriptors and labels that Redis does not have of this instance
   * - `whole`: of an instance that Redis does not know, or not enough; with all descriptors and labels, and the resource
   * - `late`: additions on behalf of an instance that may be gone; with all descriptors and labels. Begins no lease.
   */
  readonly kind: 'partial' | 'whole' | 'late';
  /** Parts of a lease are applied in ascending order. */
  readonly position: number;
  /** Of the last part that Redis confirmed; 0 if there is none. */
  readonly previous: number;
  /** The project's epoch as far as known; undefined accepts any. */
  readonly epoch: string | undefined;
  readonly resource: Attributes;
  /** Redis' time in Unix milliseconds, 0 if unknown: of the last confirmation; of a `late` part, when it was left. */
  readonly contactAtMs: number;
  readonly sections: readonly BatchSection[];
  /** By family key: ids whose labels Redis has; a family that is missing here is described. For `partial`. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>;
  /** `performance.now()`; the ages of current values end here, by Redis' clock now, or when a `late` part was left. */
  readonly nowMark: number;
}

export type ApplyReply =
  | {
      readonly status: 'applied';
      readonly epoch: string;
      /** Redis' time, in Unix milliseconds. */
      readonly atMs: number;
      /** Additions that the cap moved into the overflow series. */
      readonly overflowed: number;
      /** Current values that the cap did not admit. */
      readonly refused: readonly RefusedPoint[];
      /** Sections that were left out: their keys are not hashes. */
      readonly skipped: readonly BatchSection[];
    }
  /** This position was applied before. */
  | { readonly status: 'seen'; readonly epoch: string }
  /** Redis refused a write that it should allow. Some of the part was written, and it will not be applied again. */
  | { readonly status: 'failed'; readonly epoch: string; readonly atMs: number; readonly reason: string }
  /** Something is unknown there; send the same part whole. `epoch` is empty if there is no project yet. */
  | { readonly status: 'resend'; readonly epoch: string }
  /** Redis knows less than it confirmed (failover): it is at `position`. */
  | { readonly status: 'behind'; readonly position: number }
  /** Nothing was written for so long that Redis cannot tell what it has of this instance. */
  | { readonly status: 'away'; readonly atMs: number }
  | { readonly status: 'taken'; readonly owner: string }
  | { readonly status: 'schema'; readonly found: string };

export interface RefusedPoint {
  readonly section: BatchSection | undefined;
  readonly id: string;
}

const KINDS = { partial: '0', whole: '1', late: '2' } as const;

/**
 * Applies one part of a batch: all of it or nothing, once.
 *
 * KEYS  1 project, 2 families, 3 instances, 4 instance; then for each section: values, labels
 * ARGV  1 kind (0 partial, 1 whole, 2 late)
 *       2 position, 3 position of the part before
 *       4 expected epoch (`*`: any, `''`: no project yet), 5 schema, 6 project name, 7 lease
 *       8 lease length (ms), 9 series ttl (ms), 10 key ttl (ms), 11 series per family, 12 resource (JSON)
 *       13 time of the last confirmation, or when the part was left (ms), 14 number of sections, then the sections: see `section-encoding.ts`
 * Returns { 'ok', epoch, time, overflowed points, { section index and id of each current value beyond the cap },
 *           { index of each section whose keys are of another type }, position }
 *         { 'failed', epoch, time, reason, position } { 'seen', epoch, position } { 'resend', epoch or '' } { 'behind', epoch, position }
 *         { 'away', time } { 'taken', name } { 'schema', version }
 */
export const APPLY: RedisScript<ApplyCall, ApplyReply> = defineScript({
  name: 'apply',
  lua: APPLY_LUA,
  encode,
  decode,
});

function encode(call: ApplyCall): ScriptArguments {
  const { keys, instance, kind, sections } = call;
  const { project, lease, leaseMs, ttlMs, maxSeries } = instance;
  const argv: RedisArgument[] = [
    KINDS[kind],
    call.position,
    call.previous,
    call.epoch ?? '*',
    SCHEMA_VERSION,
    project,
    lease,
    leaseMs,
    ttlMs,
    call.keyTtlMs,
    maxSeries,
    kind === 'whole' ? JSON.stringify(call.resource) : '',
    call.contactAtMs,
    sections.length,
  ];
  for (const section of sections)
    encodeSection(
      argv,
      section,
      kind === 'partial' ? call.known.get(section.family.key) : undefined,
      call.nowMark,
    );
  const families = sections.map(({ family }) => family.key);
  return { keys: applyKeys(keys, lease, families), argv };
}

/** KEYS of {@link APPLY}. */
export function applyKeys(keys: RedisKeys, lease: string, families: readonly string[]): string[] {
  return [
    keys.project,
    keys.families,
    keys.instances,
    keys.instance(lease),
    ...families.flatMap((family) => [keys.values(family), keys.labels(family)]),
  ];
}

/** @param call whose sections the reply refers to */
function decode(reply: unknown, call: ApplyCall): ApplyReply {
  const decoded = decodeReply(reply, call.sections);
  // The confirmation of another part: what is counted by this one would be lost, or count twice.
  const isForeign = CONFIRMING.has(decoded.status) && Number((reply as unknown[]).at(-1)) !== call.position;
  if (isForeign) throw unexpectedReply('apply', reply);
  return decoded;
}

const CONFIRMING: ReadonlySet<ApplyReply['status']> = new Set(['applied', 'failed', 'seen'] as const);

/** @param sections that the reply refers to */
export function decodeReply(reply: unknown, sections: readonly BatchSection[]): ApplyReply {
  const [status, first, second, third, fourth, fifth] = Array.isArray(reply) ? (reply as unknown[]) : [reply];
  const epoch = String(first);
  switch (status) {
    case 'ok':
      return {
        status: 'applied',
        epoch,
        atMs: Number(second),
        overflowed: Number(third),
        refused: decodeRefused(fourth, sections),
        skipped: sections.filter((_section, index) => Array.isArray(fifth) && fifth.includes(index + 1)),
      };
    case 'failed':
      return { status, epoch, atMs: Number(second), reason: String(third) };
    case 'seen':
    case 'resend':
      return { status, epoch };
    case 'behind':
      return { status, position: Number(second) };
    case 'away':
      return { status, atMs: Number(first) };
    case 'taken':
      return { status, owner: epoch };
    case 'schema':
      return { status, found: epoch };
    default:
      throw unexpectedReply('apply', reply);
  }
}

/** Pairs of section index, from 1, and series id. */
function decodeRefused(pairs: unknown, sections: readonly BatchSection[]): RefusedPoint[] {
  const refused: RefusedPoint[] = [];
  if (!Array.isArray(pairs)) return refused;
  for (let index = 0; index + 1 < pairs.length; index += 2)
    refused.push({ section: sections[Number(pairs[index]) - 1], id: String(pairs[index + 1]) });
  return refused;
}
