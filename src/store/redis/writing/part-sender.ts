import { performance } from 'node:perf_hooks';

import { orchestratorError } from '../../../errors.js';
import type { DeltaBatch } from '../../../model/delta-batch.js';
import type { Attributes } from '../../../model/series.js';
import { warning } from '../../../warnings.js';
import type { StoreContext } from '../../metric-store.js';
import { prefixTaken, schemaMismatch } from '../../project-errors.js';
import type { RedisConnection } from '../connection/connection.js';
import { isTooLarge } from '../connection/failure.js';
import { APPLY, type ApplyCall, type ApplyReply } from '../scripts/apply.js';
import type { BatchSection } from '../scripts/batch-section.js';
import type { RedisKeys } from '../scripts/keys.js';
import { additionsOf, type BatchPart, positionOf } from './batch-part.js';
import { Contact } from './contact.js';
import type { CurrentMirror } from './current-mirror.js';
import type { DroppedPoints } from './dropped-points.js';
import type { KnownSeries } from './known-series.js';
import type { PartMaker } from './part-maker.js';
import type { Standing } from './last-sections.js';
import { boundResource } from './part-size.js';
import { ReplayRing } from './replay-ring.js';
import { DONE, type SentPart } from './sent-part.js';
import { wipedMark } from './wiped-mark.js';

/** Times one part is sent again with more in it before its answer counts as nonsense. */
const MAX_ATTEMPTS = 8;

/** What is sent of a part, and with it. */
interface Message {
  readonly kind: 'partial' | 'whole';
  readonly sections: readonly BatchSection[];
  readonly later?: readonly BatchPart[];
}

/** What the sender works with; all of one instance. */
export interface SenderParts {
  readonly context: StoreContext;
  readonly keyTtlMs: number;
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly maker: PartMaker;
  readonly known: KnownSeries;
  readonly mirror: CurrentMirror;
  readonly dropped: DroppedPoints;
}

/** Sends parts one by one, each unchanged until Redis has it, gives what Redis says it lacks, and replays what a failover lost. */
export class PartSender {
  readonly #of: SenderParts;
  readonly #ring = new ReplayRing();
  #resource: Attributes = [];
  #nextPosition = 0;
  /** Position of the last part that Redis confirmed. */
  #confirmed = 0;
  #epoch: string | undefined;
  readonly #contact = new Contact();
  /** The part that was sent and not answered. */
  #uncertain: BatchPart | undefined;
  /** Redis knows nothing of this instance, or too little: the next part is sent whole. `bare`: with nothing besides. */
  #beginning: 'bare' | 'filled' | undefined = 'bare';

  constructor(of: SenderParts) {
    this.#of = of;
  }

  /** @param numbered parts of it that have their position already */
  begin({ sequence, resource }: DeltaBatch, numbered = 0): void {
    this.#nextPosition = positionOf(sequence, numbered);
    this.#resource = boundResource(resource);
  }

  /** What is known of Redis at the end of the process. */
  get standing(): Standing {
    const { nowMs, agoMs } = this.#contact;
    return { nowMs, agoMs, epoch: this.#epoch, uncertain: this.#uncertain };
  }

  /** Gives parts of the batch that has begun their positions. */
  number(parts: readonly BatchPart[]): void {
    for (const part of parts) part.position ??= this.#nextPosition++;
  }

  async send(part: BatchPart): Promise<SentPart> {
    this.number([part]);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const message = this.#messageOf(part);
      try {
        const reply = await this.#run(part, message);
        if (isEnd(reply)) return this.#end(part, message, reply);
        if (await this.#isGivenUp(part, reply)) return DONE;
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        this.#uncertain = undefined;
        if (this.#beginning === 'filled') this.#beginning = 'bare';
        else return this.#divided(part);
      }
    }
    const { description } = this.#of.connection;
    throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'forgetful', { store: description });
  }

  /** For another instance, in case that this one cannot send the part any more. Without current values, which go with it. */
  lateCall(part: BatchPart): ApplyCall {
    this.number([part]);
    const sections = part.sections.filter(({ mode }) => mode !== 'c');
    return this.#call(part, 'late', sections);
  }

  #messageOf(part: BatchPart): Message {
    if (this.#beginning === undefined) return { kind: 'partial', sections: part.sections };
    if (this.#beginning === 'bare') return { kind: 'whole', sections: part.sections };
    const sections = additionsOf(part);
    const more = [...this.#of.known.otherFamilies(sections), ...this.#of.mirror.all()];
    const [first, ...later] = this.#of.maker.fillUp({ ...part, sections }, more);
    return { kind: 'whole', sections: first?.sections ?? sections, later };
  }

  /** True if the part is not to be sent again. */
  async #isGivenUp(part: BatchPart, reply: Exclude<ApplyReply, End>): Promise<boolean> {
    const { context } = this.#of;
    const isUncertain = this.#uncertain === part;
    this.#uncertain = undefined;
    switch (reply.status) {
      case 'resend':
        if (this.#epoch !== undefined && this.#epoch !== reply.epoch) {
          this.#ring.clear();
          // Wiped, and not lost: values from before do not come back.
          const mark = await wipedMark(this.#of.connection, this.#of.keys);
          if (mark !== undefined) this.#of.mirror.forgetBefore(mark);
        }
        this.#epoch = reply.epoch;
        break;
      case 'behind':
        // Interrupted by another loss: the next answer says how far it came.
        if (!(await this.#replay(reply.position))) return false;
        break;
      case 'away':
        // A replay, or a part of unknown outcome, could count twice. Losing it is the lesser evil.
        this.#ring.clear();
        this.#contact.note(reply.atMs);
        if (isUncertain) context.warn(...warning('ORCHESTRATOR_OUTCOME_UNKNOWN', {}));
        break;
      case 'taken':
        throw prefixTaken(context, reply.owner);
      case 'schema':
        throw schemaMismatch(context, reply.found);
    }
    this.#of.known.forget();
    this.#beginning = 'filled';
    return reply.status === 'away' && isUncertain;
  }

  /**
   * A failover lost confirmed parts: they are applied again, in order. What the ring no longer holds is lost, and said. True if
   * all are applied.
   */
  async #replay(position: number): Promise<boolean> {
    const { parts, complete } = this.#ring.after(position);
    const values = {
      store: this.#of.connection.description,
      parts: parts.length,
      rest: complete ? '' : ', older ones are gone',
    };
    this.#of.context.warn(...warning('ORCHESTRATOR_FAILOVER', values));
    for (const part of parts) {
      const message: Message = { kind: 'whole', sections: part.sections };
      const reply = await this.#run(part, message);
      if (!isEnd(reply)) return false;
      this.#account(message, reply);
    }
    return true;
  }

  #end(part: BatchPart, { later, ...message }: Message, reply: End): SentPart {
    this.#beginning = undefined;
    this.#account(message, reply);
    this.#ring.push(part);
    return reply.status === 'applied'
      ? { ...DONE, overflowed: reply.overflowed, refused: reply.refused, later }
      : { ...DONE, later };
  }

  /** What an answer says of every message. */
  #account({ sections }: Message, reply: End): void {
    const { known, dropped, connection } = this.#of;
    if (reply.status === 'applied') {
      known.confirm(sections);
      for (const { family, points } of reply.skipped) {
        const key = this.#of.keys.values(family.key);
        dropped.add(family.name, `the Redis key ${key}, or its labels, is no hash`, points.length);
      }
    } else if (reply.status === 'failed') {
      const why = `${connection.description} refused a write in the middle: ${reply.reason}`;
      for (const { family, points } of sections) dropped.add(family.name, why, points.length);
    }
  }

  #divided(part: BatchPart): SentPart {
    part.position = undefined;
    if (part.size.families > 1 || part.size.points > 1)
      return { ...DONE, instead: this.#of.maker.divide(part) };
    const why = `a point is larger than ${this.#of.connection.description} takes`;
    for (const { family, points } of part.sections) this.#of.dropped.add(family.name, why, points.length);
    return DONE;
  }

  async #run(part: BatchPart, { kind, sections }: Message): Promise<ApplyReply> {
    const isFirst = this.#uncertain !== part;
    this.#uncertain = part;
    const reply = await this.#of.connection.run(APPLY, this.#call(part, kind, sections));
    // An answer other than the end may concern an earlier attempt, whose outcome is not known.
    if (isFirst || isEnd(reply)) this.#uncertain = undefined;
    if (isEnd(reply)) {
      this.#epoch = reply.epoch;
      this.#confirmed = part.position ?? 0;
      if (reply.status !== 'seen') this.#contact.note(reply.atMs);
    }
    return reply;
  }

  #call(part: BatchPart, kind: ApplyCall['kind'], sections: readonly BatchSection[]): ApplyCall {
    const { context, keys, keyTtlMs, known } = this.#of;
    return {
      keys,
      instance: context,
      keyTtlMs,
      kind,
      position: part.position ?? 0,
      previous: this.#confirmed,
      epoch: this.#epoch,
      resource: this.#resource,
      contactAtMs: this.#contact.atMs,
      sections,
      known: known.ids,
      nowMark: performance.now(),
    };
  }
}

type End = Extract<ApplyReply, { status: 'applied' | 'seen' | 'failed' }>;

/** True if Redis has applied the part, as far as it ever will. */
function isEnd(reply: ApplyReply): reply is End {
  return reply.status === 'applied' || reply.status === 'seen' || reply.status === 'failed';
}
