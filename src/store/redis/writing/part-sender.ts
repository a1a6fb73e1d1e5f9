import { performance } from 'node:perf_hooks';

import { orchestratorError } from '../../../errors.js';
import { warning } from '../../../warnings.js';
import type { Attributes } from '../../../model/series.js';
import type { StoreContext } from '../../metric-store.js';
import { prefixTaken, schemaMismatch } from '../../project-errors.js';
import { pointsOf, PART_POINTS, type BatchPart, type BatchSection } from './batch-part.js';
import { runScript } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import type { CurrentMirror } from './current-mirror.js';
import type { RedisKeys } from '../scripts/keys.js';
import type { KnownSeries } from './known-series.js';
import { ReplayRing } from './replay-ring.js';
import { APPLY, type ApplyReply, type RefusedPoint } from '../scripts/apply.js';

/** Times one part is sent again with more in it before its answer counts as nonsense. */
const MAX_ATTEMPTS = 6;

export interface SentPart {
  /** Additions that the cap moved. */
  readonly overflowed: number;
  /** Current values that the cap did not admit. */
  readonly refused: readonly RefusedPoint[];
  /** What Redis lacks besides and did not fit: current values in portions for parts of their own. */
  readonly later: ReadonlyArray<readonly BatchSection[]>;
}

const NOTHING: SentPart = { overflowed: 0, refused: [], later: [] };

/** Sends parts one by one, each unchanged until Redis has it, gives what Redis says it lacks, and replays what a failover lost. */
export class PartSender {
  /** Of the batch that is being sent. */
  resource: Attributes = [];
  readonly #context: StoreContext;
  readonly #keyTtlMs: number;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #known: KnownSeries;
  readonly #mirror: CurrentMirror;
  readonly #ring = new ReplayRing();
  #epoch: string | undefined;
  #lastContactAtMs = Date.now();
  /** The part that was sent and not answered. */
  #uncertain: BatchPart | undefined;
  /** Redis knows nothing of this instance, or too little: it is written as if for the first time. */
  #beginning = false;

  constructor(
    context: StoreContext,
    keyTtlMs: number,
    connection: RedisConnection,
    keys: RedisKeys,
    known: KnownSeries,
    mirror: CurrentMirror,
  ) {
    this.#context = context;
    this.#keyTtlMs = keyTtlMs;
    this.#connection = connection;
    this.#keys = keys;
    this.#known = known;
    this.#mirror = mirror;
  }

  async send(part: BatchPart): Promise<SentPart> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const whole = this.#beginning ? this.#wholeOf(part) : undefined;
      const sections = whole?.sections ?? [...part.deltas, ...part.current];
      const reply = await this.#run(part, sections, this.#epoch === undefined || this.#beginning);
      if (reply.status === 'applied' || reply.status === 'seen') {
        this.#beginning = false;
        this.#ring.push(part);
        const later = whole?.later ?? [];
        return reply.status === 'seen'
          ? { ...NOTHING, later }
          : { overflowed: reply.overflowed, refused: reply.refused, later };
      }
      await this.#giveWhatIsMissing(reply);
    }
    const store = this.#connection.description;
    throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'forgetful', { store });
  }

  /**
   * Redis forgets our position when it does not hear of us for long. After half that time a replay, or a part of unknown
   * outcome, could count twice; losing them is the lesser evil. True if `next` is such a part.
   */
  giveUpWhenAway(next: BatchPart | undefined): boolean {
    if (Date.now() - this.#lastContactAtMs < this.#keyTtlMs / 2) return false;
    this.#ring.clear();
    if (this.#uncertain === undefined || this.#uncertain !== next) return false;
    this.#context.warn(...warning('ORCHESTRATOR_OUTCOME_UNKNOWN', {}));
    return true;
  }

  async #giveWhatIsMissing(reply: Exclude<ApplyReply, { status: 'applied' | 'seen' }>): Promise<void> {
    switch (reply.status) {
      case 'resend':
        if (this.#epoch !== undefined && this.#epoch !== reply.epoch) this.#ring.clear();
        this.#epoch = reply.epoch;
        this.#known.forget();
        break;
      case 'behind':
        await this.#replay(reply.position);
        break;
      case 'taken':
        throw prefixTaken(this.#context, reply.owner);
      case 'schema':
        throw schemaMismatch(this.#context, reply.found);
    }
    this.#beginning = true;
  }

  /** A failover lost confirmed parts: they are applied again, in order. What the ring no longer holds is lost, and said. */
  async #replay(position: number): Promise<void> {
    const { parts, complete } = this.#ring.after(position);
    const rest = complete ? '' : ', older ones are gone';
    const store = this.#connection.description;
    this.#context.warn(...warning('ORCHESTRATOR_FAILOVER', { store, parts: parts.length, rest }));
    for (const part of parts) {
      const { status } = await this.#run(part, this.#wholeOf(part).sections, true);
      if (status !== 'applied' && status !== 'seen') return;
    }
  }

  async #run(part: BatchPart, sections: readonly BatchSection[], full: boolean): Promise<ApplyReply> {
    this.#uncertain = part;
    const reply = await this.#connection.use((client) =>
      runScript(client, APPLY, {
        keys: this.#keys,
        instance: this.#context,
        keyTtlMs: this.#keyTtlMs,
        full,
        position: part.position,
        previous: part.previous,
        epoch: this.#epoch,
        resource: this.resource,
        sections,
        known: this.#known.ids,
        nowMark: performance.now(),
      }),
    );
    this.#uncertain = undefined;
    this.#lastContactAtMs = Date.now();
    if (reply.status === 'applied' || reply.status === 'seen') this.#epoch = reply.epoch;
    if (reply.status === 'applied') this.#known.confirm(sections);
    return reply;
  }

  /** A part with what Redis may lack besides: current values, as many as still fit, and descriptors. */
  #wholeOf({ deltas }: BatchPart): {
    readonly sections: readonly BatchSection[];
    readonly later: ReadonlyArray<readonly BatchSection[]>;
  } {
    const descriptors = this.#known.describeOthers(deltas);
    const portions = this.#mirror.all();
    const [first = [], ...more] = portions;
    return pointsOf(deltas) + pointsOf(first) > PART_POINTS
      ? { sections: [...deltas, ...descriptors], later: portions }
      : { sections: [...deltas, ...first, ...descriptors], later: more };
  }
}
