import type { Attributes } from '../../../model/series.js';
import { prefixTaken, schemaMismatch } from '../../project-errors.js';
import type { ApplyCall, ApplyReply } from '../scripts/apply.js';
import type { BatchSection } from '../scripts/batch-section.js';
import { redisKeys } from '../scripts/keys.js';

/** A part of a batch that Redis may lack. */
export interface LastPart {
  readonly position: number;
  /** Without current values, which end with their instance. Times by `performance.now()` are counted from when it was left. */
  readonly sections: readonly BatchSection[];
}

/** What an instance had not sent when it came to its end, and all that another one needs to send it. Plain data. */
export interface LastParts {
  readonly prefix: string;
  readonly instance: ApplyCall['instance'];
  readonly keyTtlMs: number;
  /** The project's epoch when it last answered; undefined if it never has. */
  readonly epoch: string | undefined;
  readonly resource: Attributes;
  /** When they were left: Unix milliseconds, by Redis' clock as far as it is known. */
  readonly leftAtMs: number;
  /** In the order of their positions. */
  readonly parts: readonly LastPart[];
}

/**
 * - `sent`: Redis has all of it
 * - `otherEpoch`: the project was wiped, or lost its data, since
 * - `away`: it was left so long ago that Redis cannot tell what it has of it
 */
export type LastOutcome = 'sent' | 'otherEpoch' | 'away';

/** Runs the script that applies one part. */
export type RunApply = (call: ApplyCall) => Promise<ApplyReply>;

/** A project that changes its epoch more often meanwhile is being wiped over and over. */
const MAX_ATTEMPTS = 5;

/**
 * Sends what an instance had left, on its behalf: each part once, because its position tells Redis whether it has it.
 *
 * @param whose `own`: of an instance that is just ending, whose values belong into whatever project there is now; `another`: of
 * one that ended a while ago, whose values belong to the epoch in which they were recorded
 * @throws ORCHESTRATOR_PREFIX_TAKEN, ORCHESTRATOR_SCHEMA_MISMATCH, and what `run` throws
 */
export async function sendLast(
  run: RunApply,
  last: LastParts,
  whose: 'own' | 'another',
): Promise<LastOutcome> {
  let { epoch } = last;
  for (const part of last.parts) {
    let isDone = false;
    for (let attempt = 0; !isDone; attempt += 1) {
      if (attempt === MAX_ATTEMPTS) throw new Error('the project changes its epoch all the time');
      const reply = await run(callOf(last, part, epoch));
      if (reply.status === 'away' || reply.status === 'behind') return 'away';
      if (reply.status === 'taken') throw prefixTaken(projectOf(last), reply.owner);
      if (reply.status === 'schema') throw schemaMismatch(projectOf(last), reply.found);
      if (reply.status === 'resend' && whose === 'another') return 'otherEpoch';
      ({ epoch } = reply);
      isDone = reply.status !== 'resend';
    }
  }
  return 'sent';
}

function callOf(last: LastParts, { position, sections }: LastPart, epoch: string | undefined): ApplyCall {
  return {
    keys: redisKeys(last.prefix),
    instance: last.instance,
    keyTtlMs: last.keyTtlMs,
    // Without a project there is nothing to be late for: this begins one.
    kind: epoch === '' ? 'whole' : 'late',
    position,
    previous: 0,
    epoch,
    resource: last.resource,
    contactAtMs: last.leftAtMs,
    sections,
    known: new Map(),
    nowMark: 0,
  };
}

function projectOf({ prefix, instance }: LastParts): { prefix: string; project: string } {
  return { prefix, project: instance.project };
}
