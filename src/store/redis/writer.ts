import { performance } from 'node:perf_hooks';

import { orchestratorError } from '../../errors.js';
import { warning } from '../../warnings.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { encodePart, PART_POINTS, type Block, type Part } from './batch-part.js';
import { runScript } from './commands.js';
import { APPLY, END_LEASES } from './scripts/scripts.js';
import { CurrentMirror } from './current-mirror.js';
import { ReplayRing } from './replay-ring.js';
import { prefixTaken, schemaMismatch } from '../project-errors.js';
import { SCHEMA_VERSION, type StoreContext } from '../metric-store.js';
import type { Attributes } from '../../model/series.js';
import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';

/** Numbers in one script call at the most, so that series of many buckets hold Redis no longer. */
const PART_NUMBERS = 20_000;

/** `position = sequence * PARTS + part`: exact in a double for 2^37 batches of up to 65,536 parts. */
const PARTS = 65_536;

/** Times one part is sent again with more in it before its answer counts as nonsense. */
const MAX_ATTEMPTS = 6;

/**
 * The writing side of one instance: splits batches into parts, remembers what Redis knows already so that labels travel
 * once, and replays what a failover lost. A part is sent unchanged until it is confirmed.
 */
export class RedisWriter {
  readonly #context: StoreContext;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #mirror: CurrentMirror;
  readonly #ring = new ReplayRing();
  /** Series whose labels, and families whose descriptors, Redis has of us. */
  readonly #known = new Map<string, Set<string>>();
  /** Every family that this instance added to. */
  readonly #families = new Map<string, Family>();
  #epoch: string | undefined;
  #batch: DeltaBatch | undefined;
  #parts: Part[] = [];
  /** Position of the last part that was made. */
  #position = 0;
  #nextPosition = 0;
  #resource: Attributes = [];
  #lastContactMs = Date.now();
  /** The part that was sent and not answered. */
  #uncertain: Part | undefined;
  /** Redis knows nothing of this instance, or too little: it is written as if for the first time. */
  #beginning = false;

  constructor(context: StoreContext, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#mirror = new CurrentMirror(context.ttlMs / 4);
  }

  /** Milliseconds for which keys outlive the last write: a project that nobody runs leaves nothing behind. */
  get keyTtlMs(): number {
    return this.#context.ttlMs + this.#context.leaseMs;
  }

  /** Resolves with the number of overflowed points. Rejects with an unknown outcome; then call it again with the same batch. */
  async apply(batch: DeltaBatch): Promise<number> {
    if (this.#batch !== batch) {
      this.#parts = this.#split(batch);
      this.#batch = batch;
      this.#resource = batch.resource;
    }
    this.#forgetWhenAway();
    let overflowed = 0;
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      const { added, refused } = await this.#send(part);
      overflowed += added + refused;
      this.#parts.shift();
      this.#ring.push(part);
      if (this.#beginning) this.#parts.push(...this.#currentParts(this.#wholeOf(part).later));
      this.#beginning = false;
      if (refused > 0) this.#parts.push(...this.#currentParts(this.#mirror.change(batch)));
    }
    return overflowed;
  }

  async endLease(): Promise<void> {
    const { lease } = this.#context;
    await this.#connection.use((client) =>
      runScript(
        client,
        END_LEASES,
        [this.#keys.instances, this.#keys.instance(lease)],
        ['1', this.keyTtlMs, lease],
      ),
    );
  }

  /** Sends one part until Redis has it, giving what Redis says it lacks. */
  async #send(part: Part): Promise<{ readonly added: number; readonly refused: number }> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const first = this.#epoch === undefined;
      const blocks = this.#beginning ? this.#wholeOf(part).blocks : [...part.deltas, ...part.current];
      const reply = await this.#run(part, blocks, first || this.#beginning);
      switch (reply[0]) {
        case 'ok':
          this.#confirm(blocks, String(reply[1]));
          return { added: Number(reply[2]), refused: this.#mirror.overflow(blocks, reply.slice(3)) };
        case 'seen':
          this.#epoch = String(reply[1]);
          return { added: 0, refused: 0 };
        case 'resend':
          if (this.#epoch !== undefined && this.#epoch !== reply[1]) this.#ring.clear();
          this.#epoch = String(reply[1]);
          this.#known.clear();
          this.#beginning = true;
          break;
        case 'behind':
          await this.#replay(Number(reply[2]));
          this.#beginning = true;
          break;
        case 'taken':
          throw prefixTaken(this.#context, String(reply[1]));
        case 'schema':
          throw schemaMismatch(this.#context, String(reply[1]));
        default:
          throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'script', { answer: String(reply[0]) });
      }
    }
    const store = this.#connection.description;
    throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'forgetful', { store });
  }

  /** A failover lost confirmed parts: they are applied again, in order. What the ring no longer holds is lost, and said. */
  async #replay(position: number): Promise<void> {
    const { parts, complete } = this.#ring.after(position);
    const rest = complete ? '' : ', older ones are gone';
    const store = this.#connection.description;
    this.#context.warn(...warning('ORCHESTRATOR_FAILOVER', { store, parts: parts.length, rest }));
    for (const part of parts) {
      const { blocks } = this.#wholeOf(part);
      const reply = await this.#run(part, blocks, true);
      if (reply[0] !== 'ok' && reply[0] !== 'seen') return;
      this.#confirm(blocks, String(reply[1]));
    }
  }

  async #run(part: Part, blocks: readonly Block[], full: boolean): Promise<unknown[]> {
    const { project, lease, leaseMs, ttlMs, maxSeries } = this.#context;
    const keys = [this.#keys.project, this.#keys.families, this.#keys.instances, this.#keys.instance(lease)];
    for (const { family } of blocks) keys.push(this.#keys.values(family.key), this.#keys.labels(family.key));
    const head = [
      full ? '1' : '0',
      part.position,
      part.previous,
      this.#epoch ?? '*',
      SCHEMA_VERSION,
      project,
      lease,
      leaseMs,
      ttlMs,
      this.keyTtlMs,
      maxSeries,
      full ? JSON.stringify(this.#resource) : '',
      blocks.length,
    ];
    const body = encodePart(blocks, full ? undefined : this.#known, performance.now());
    this.#uncertain = part;
    const reply = await this.#connection.use((client) => runScript(client, APPLY, keys, [...head, ...body]));
    this.#uncertain = undefined;
    this.#lastContactMs = Date.now();
    return Array.isArray(reply) ? reply : [reply];
  }

  /**
   * A part with what Redis may lack besides: current values, as many as still fit, and the descriptors of families that this
   * part does not touch, without which their totals would stay hidden until the next addition. `later`: portions of
   * current values for parts of their own.
   */
  #wholeOf({ deltas }: Part): { readonly blocks: readonly Block[]; readonly later: readonly Block[][] } {
    const untouched = new Map(this.#families);
    for (const { family } of deltas) untouched.delete(family.key);
    const descriptors = Array.from(untouched.values(), (family) => ({
      family,
      mode: 'd' as const,
      width: 0,
      points: [],
      removed: [],
    }));
    const [first = [], ...more] = this.#mirror.all();
    return pointsOf(deltas) + pointsOf(first) > PART_POINTS
      ? { blocks: [...deltas, ...descriptors], later: [first, ...more] }
      : { blocks: [...deltas, ...first, ...descriptors], later: more };
  }

  #confirm(blocks: readonly Block[], epoch: string): void {
    this.#epoch = epoch;
    for (const { family, points } of blocks) {
      let ids = this.#known.get(family.key);
      // Under changing labels the memory of what was sent is begun anew; the price is labels sent twice.
      if (ids === undefined || ids.size > 4 * this.#context.maxSeries)
        this.#known.set(family.key, (ids = new Set()));
      for (const { series } of points) ids.add(series.id);
    }
  }

  /**
   * Redis forgets our position when it does not hear of us for long. After half that time a replay, or a part of unknown
   * outcome, could count twice; losing them is the lesser evil.
   */
  #forgetWhenAway(): void {
    if (Date.now() - this.#lastContactMs < this.keyTtlMs / 2) return;
    this.#ring.clear();
    if (this.#uncertain === undefined || this.#uncertain !== this.#parts[0]) return;
    this.#context.warn(...warning('ORCHESTRATOR_OUTCOME_UNKNOWN', {}));
    this.#parts.shift();
  }

  #split(batch: DeltaBatch): Part[] {
    this.#nextPosition = batch.sequence * PARTS;
    const parts: Part[] = [];
    let deltas: Block[] = [];
    let points = 0;
    let numbers = 0;
    for (const { family, points: all } of batch.deltas) {
      this.#families.set(family.key, family);
      const exponential = family.type === 'exponentialhistogram';
      const width = exponential
        ? Math.max(...all.map(({ values }) => values.length))
        : (all[0]?.values.length ?? 0);
      const room = Math.max(1, Math.min(PART_POINTS, Math.floor(PART_NUMBERS / Math.max(width, 1))));
      for (let from = 0; from < all.length; from += room) {
        const some = all.slice(from, from + room);
        if (
          points > 0 &&
          (points + some.length > PART_POINTS || numbers + some.length * width > PART_NUMBERS)
        ) {
          parts.push(this.#part(deltas, []));
          deltas = [];
          points = numbers = 0;
        }
        deltas.push({ family, mode: exponential ? 'e' : 'd', width, points: some, removed: [] });
        points += some.length;
        numbers += some.length * width;
      }
    }
    // The first portion of changed values travels with the last additions. A part without anything is a sign of life.
    const [first = [], ...more] = this.#mirror.change(batch);
    parts.push(this.#part(deltas, first), ...this.#currentParts(more));
    return parts;
  }

  #currentParts(portions: readonly Block[][]): Part[] {
    return portions.map((current) => this.#part([], current));
  }

  #part(deltas: readonly Block[], current: readonly Block[]): Part {
    const previous = this.#position;
    this.#position = this.#nextPosition++;
    return { position: this.#position, previous, deltas, current };
  }
}

function pointsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { points }) => sum + points.length, 0);
}
