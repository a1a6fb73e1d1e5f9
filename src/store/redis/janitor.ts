import { OrchestratorError } from '../../errors.js';
import type { StoreContext } from '../metric-store.js';
import { assertOwnProject } from '../project-errors.js';
import { type Command, strings } from './connection/commands.js';
import type { RedisConnection } from './connection/connection.js';
import { explain } from './connection/failure.js';
import { HashPages } from './reading/hash-pages.js';
import { END_LEASES } from './scripts/end-leases.js';
import { PROJECTS_KEY, type RedisKeys } from './scripts/keys.js';
import { SWEEP, type SweepCall } from './scripts/sweep.js';
import { Folding } from './writing/folding.js';

/** Leases that one script call ends, and keys that one round trip deletes. */
const TRIP_LEASES = 100;
const TRIP_KEYS = 200;

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
    const [names] = await this.#connection.read([['HMGET', this.#keys.project, 'schema', 'name']]);
    if (names instanceof Error) throw explain(names, this.#connection.description);
    const [schema, name] = strings(names);
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
    const expired = new Set<string>();
    for (const family of await this.#families())
      if ((await this.#sweepFamily(family, 'look', 0)) > 0) expired.add(family);
    if (expired.size === 0) return;
    await this.#folding.fold(expired);
    // What expires while the others are folded is left for the next sweep.
    for (const family of expired) await this.#sweepFamily(family, 'delete', performance.now() - mark);
  }

  async #sweepFamily(family: string, how: SweepCall['how'], elapsedMs: number): Promise<number> {
    const ttlMs = this.#context.ttlMs + Math.ceil(elapsedMs);
    let cursor = '0';
    let found = 0;
    do {
      const reply = await this.#connection.run(SWEEP, { keys: this.#keys, family, cursor, ttlMs, how });
      found += reply.found;
      cursor = reply.cursor;
    } while (cursor !== '0');
    return found;
  }

  /**
   * Deletes everything of the project, and these locks. The project itself goes last: until then instances that write know it,
   * and what they count meanwhile is not lost.
   */
  async wipe(locks: Iterable<string>): Promise<void> {
    await this.assertOwn();
    const keys = this.#keys;
    const doomed: string[] = [];
    for (const family of await this.#families()) doomed.push(keys.values(family), keys.labels(family));
    for (const lease of await this.#leases()) doomed.push(keys.instance(lease));
    for (const name of locks) doomed.push(keys.lock(name));
    doomed.push(keys.instances, keys.families, keys.project);
    for (let from = 0; from < doomed.length; from += TRIP_KEYS) {
      // One key for each command: while the slot of a cluster is being moved, some are on another node.
      await this.#connection.read(
        doomed.slice(from, from + TRIP_KEYS).map((key): Command => ['UNLINK', key]),
      );
    }
  }

  /** Notes the project for discovery; optional, because an ACL may forbid it. A cluster keeps that key on another node. */
  async list(connection: RedisConnection): Promise<void> {
    if (!this.#listed) return;
    try {
      const [time] = await connection.read([['TIME']]);
      const nowMs = Number(strings(time)[0]) * 1000;
      // Alone: a user without the right is refused once.
      await connection.read([['ZADD', PROJECTS_KEY, nowMs, this.#context.prefix]]);
      await connection.read([
        ['ZREMRANGEBYSCORE', PROJECTS_KEY, 0, nowMs - this.#keyTtlMs],
        ['PEXPIRE', PROJECTS_KEY, this.#keyTtlMs],
      ]);
    } catch (error) {
      if (error instanceof OrchestratorError && error.code === 'ORCHESTRATOR_STORE_REFUSED')
        this.#listed = false;
    } finally {
      connection.close();
    }
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

  async #now(): Promise<number> {
    const [time] = await this.#connection.read([['TIME']]);
    return Number(strings(time)[0]) * 1000;
  }

  async #families(): Promise<string[]> {
    const [fields] = await new HashPages(this.#connection).read([this.#keys.families]);
    const families: string[] = [];
    for (let index = 0; index < (fields?.length ?? 0); index += 2)
      families.push(fields?.[index]?.toString() ?? '');
    return families;
  }

  async #leases(): Promise<string[]> {
    const [reply] = await this.#connection.read([['ZRANGE', this.#keys.instances, '0', '-1']]);
    return strings(reply);
  }
}
