import { OrchestratorError } from '../../errors.js';
import type { StoreContext } from '../metric-store.js';
import { assertOwner, assertOwnProject } from '../project-errors.js';
import { type Command, strings } from './connection/commands.js';
import type { RedisConnection } from './connection/connection.js';
import { HashPages } from './reading/hash-pages.js';
import { type Descriptor, readDescriptor } from './reading/stored-text.js';
import { END_LEASES } from './scripts/end-leases.js';
import { FORGET_FAMILY } from './scripts/forget-family.js';
import { PROJECTS_KEY, type RedisKeys } from './scripts/keys.js';
import { SWEEP, type SweepCall } from './scripts/sweep.js';
import { Folding } from './writing/folding.js';

/** Leases that one script call ends, keys that one round trip deletes, and families that are swept at a time. */
const TRIP_LEASES = 100;
const TRIP_KEYS = 200;
const TRIP_FAMILIES = 10;

/** Entries that one call of the sweep looks at, and how many numbers they may have. */
const PAGE_ENTRIES = 500;
const PAGE_NUMBERS = 32_000;

/** Numbers of an entry: of an exponential histogram of 160 buckets for each sign, and of a family that cannot be read. */
const EXPONENTIAL_NUMBERS = 330;
const UNKNOWN_NUMBERS = 1000;

/** The longest that ORCHESTRATOR_METRICS_TTL allows, and some more: what ends later was noted before a clock was set back. */
const MAX_KEY_TTL_MS = 366 * 86_400_000;

interface SweptFamily {
  readonly key: string;
  /** Of each series. */
  readonly numbers: number;
  /** False if its values are those of live instances alone. */
  readonly isStored: boolean;
}

/** What deletes: expired series, ended leases, or everything of the project. */
export class Janitor {
  readonly #context: StoreContext;
  readonly #keyTtlMs: number;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #folding: Folding;
  #listed = true;

  constructor(context: StoreContext, keyTtlMs: number, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#keyTtlMs = keyTtlMs;
    this.#connection = connection;
    this.#keys = keys;
    this.#folding = new Folding(context, keyTtlMs, connection, keys);
  }

  /** Throws if the data belong to another project. */
  async assertOwn(): Promise<void> {
    const [schema, name] = await this.#schemaAndName();
    assertOwnProject(this.#context, schema, name);
  }

  /** Deletes what has expired. */
  async sweep(): Promise<void> {
    await this.assertOwn();
    const nowMs = await this.#now();
    // Leases that end too late were given before Redis' clock was set back; the script looks at them again.
    const tooLateMs = nowMs + 2 * this.#context.leaseMs;
    await this.#endLeases('-inf', `(${nowMs}`);
    await this.#endLeases(`(${tooLateMs}`, '+inf');
    const mark = performance.now();
    const families = await this.#families();
    const found = await this.#sweepFamilies(families, 'look', 0);
    const expired = families.filter((_family, index) => (found[index] ?? 0) > 0);
    if (expired.length === 0) return;
    await this.#folding.fold(new Set(expired.map(({ key }) => key)));
    // What expires while the others are folded is left for the next sweep.
    await this.#sweepFamilies(expired, 'delete', performance.now() - mark);
  }

  /** Numbers of expired series, in the order of the families. */
  async #sweepFamilies(
    families: readonly SweptFamily[],
    how: SweepCall['how'],
    elapsedMs: number,
  ): Promise<number[]> {
    const found: number[] = [];
    for (let from = 0; from < families.length; from += TRIP_FAMILIES) {
      const some = families.slice(from, from + TRIP_FAMILIES);
      found.push(...(await Promise.all(some.map((family) => this.#sweepFamily(family, how, elapsedMs)))));
    }
    return found;
  }

  /**
   * Deletes everything of the project, and these locks. The project itself goes last: until then instances that write know it,
   * and what they count meanwhile is not lost. Whatever is in the keys: data of another version, and keys of another type.
   */
  async wipe(locks: Iterable<string>): Promise<void> {
    const [, owner] = await this.#schemaAndName();
    assertOwner(this.#context, owner);
    const keys = this.#keys;
    // Said first: instances that find their data gone look here, and keep back what they recorded before.
    await this.#connection.read([['SET', keys.wiped, await this.#now(), 'PX', this.#keyTtlMs]]);
    const doomed: string[] = [];
    for (const { key } of await this.#families()) doomed.push(keys.values(key), keys.labels(key));
    for (const lease of await this.#leases()) doomed.push(keys.instance(lease));
    for (const name of locks) doomed.push(keys.lock(name));
    doomed.push(keys.late, keys.instances, keys.families, keys.project);
    for (let from = 0; from < doomed.length; from += TRIP_KEYS) {
      // One key for each command: while the slot of a cluster is being moved, some are on another node.
      await this.#connection.read(
        doomed.slice(from, from + TRIP_KEYS).map((key): Command => ['UNLINK', key]),
      );
    }
  }

  /** Deletes what is stored of these families. Those that only live instances tell are left. */
  async forget(families: readonly string[]): Promise<void> {
    await this.assertOwn();
    const wanted = new Set(families);
    for (const { key, isStored } of await this.#families())
      if (wanted.has(key) && isStored)
        await this.#connection.run(FORGET_FAMILY, { keys: this.#keys, family: key });
  }

  /** Notes the project for discovery; optional, because an ACL may forbid it. Never rejects. */
  async list(connection: RedisConnection): Promise<void> {
    if (!this.#listed) return;
    try {
      const [time] = await connection.read([['TIME']]);
      const nowMs = Number(strings(time)[0]) * 1000;
      // Alone: a user without the right is refused once.
      await connection.read([['ZADD', PROJECTS_KEY, nowMs + this.#keyTtlMs, this.#context.prefix]]);
      const [, last] = await connection.read([
        // Those of version 0.1.0 say when their project was last seen: they stay for as long as it left them there.
        ['ZREMRANGEBYSCORE', PROJECTS_KEY, 0, nowMs - this.#keyTtlMs],
        ['ZRANGE', PROJECTS_KEY, '-1', '-1', 'WITHSCORES'],
      ]);
      // As long as the project that lasts longest, which may be one that nobody runs at the moment.
      const untilMs = Math.min(Number(strings(last)[1]), nowMs + MAX_KEY_TTL_MS);
      await connection.read([['PEXPIRE', PROJECTS_KEY, Math.max(untilMs - nowMs, this.#keyTtlMs)]]);
    } catch (error) {
      if (error instanceof OrchestratorError && error.code === 'ORCHESTRATOR_STORE_REFUSED')
        this.#listed = false;
    }
  }

  async #sweepFamily(
    { key, numbers }: SweptFamily,
    how: SweepCall['how'],
    elapsedMs: number,
  ): Promise<number> {
    const pageEntries = Math.max(1, Math.min(PAGE_ENTRIES, Math.floor(PAGE_NUMBERS / numbers)));
    const ttlMs = this.#context.ttlMs + Math.ceil(elapsedMs);
    const call = { keys: this.#keys, family: key, ttlMs, pageEntries, how };
    let cursor = '0';
    let found = 0;
    do {
      const reply = await this.#connection.run(SWEEP, { ...call, cursor });
      found += reply.found;
      cursor = reply.cursor;
    } while (cursor !== '0');
    return found;
  }

  async #endLeases(min: string, max: string): Promise<void> {
    for (let skipped = 0; ;) {
      const [reply] = await this.#connection.read([
        ['ZRANGE', this.#keys.instances, min, max, 'BYSCORE', 'LIMIT', skipped, TRIP_LEASES],
      ]);
      const leases = strings(reply);
      if (leases.length === 0) return;
      const call = { keys: this.#keys, leases, when: 'if ended', keyTtlMs: this.#keyTtlMs } as const;
      skipped += leases.length - (await this.#connection.run(END_LEASES, call));
    }
  }

  /** Empty if there is no project, or its key is of another type. */
  async #schemaAndName(): Promise<string[]> {
    const [names] = await this.#connection.read([['HMGET', this.#keys.project, 'schema', 'name']]);
    return strings(names);
  }

  async #now(): Promise<number> {
    const [time] = await this.#connection.read([['TIME']]);
    const [seconds, microseconds] = strings(time);
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }

  async #families(): Promise<SweptFamily[]> {
    const [fields = []] = await new HashPages(this.#connection).read([this.#keys.families]);
    const families: SweptFamily[] = [];
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const key = fields[index]?.toString() ?? '';
      const descriptor = readDescriptor(key, fields[index + 1]?.toString() ?? '');
      const aggregation = descriptor?.family.aggregation;
      const isStored = aggregation === undefined || aggregation === 'keep';
      families.push({ key, numbers: numbersOf(descriptor), isStored });
    }
    return families;
  }

  async #leases(): Promise<string[]> {
    const [reply] = await this.#connection.read([['ZRANGE', this.#keys.instances, '0', '-1']]);
    return strings(reply);
  }
}

function numbersOf(descriptor: Descriptor | undefined): number {
  if (descriptor === undefined) return UNKNOWN_NUMBERS;
  const { type, boundaries = [] } = descriptor.family;
  return 3 + (type === 'exponentialhistogram' ? EXPONENTIAL_NUMBERS : boundaries.length);
}
