import { setTimeout as sleep } from 'node:timers/promises';

import { tryLock, type Lock } from '../database/advisory-lock.js';
import { inTransaction, isAway, reasonOf, type Database, type Queryable } from '../database/database.js';
import type { Log } from '../log/log.js';
import { countItems, type Counts } from './metrics.js';
import { commitsCounted, flushMetrics } from './store.js';

const RETRY_MS = 500;
/** Processes of one name that can be exact at the same time. */
const MOST_SLOTS = 64;

/** What a process commits and counts. */
export interface Ledger {
  /**
   * Runs `work` in a transaction, again and again while the database is away, and counts what it answers once it is committed.
   * `work` must find nothing left to count when it runs after a commit.
   */
  commit(work: (transaction: Queryable) => Promise<Counts>, signal: AbortSignal): Promise<Counts>;
  /** Aborted when another process has taken the place of this one, which must end then. */
  readonly taken: AbortSignal;
  close(): Promise<void>;
}

/** Counts after the commit. A process that is killed loses what it counted since the last flush. */
export class PlainLedger implements Ledger {
  readonly taken: AbortSignal = new AbortController().signal;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async commit(work: (transaction: Queryable) => Promise<Counts>, signal: AbortSignal): Promise<Counts> {
    const counts = await whileAway(() => inTransaction(this.#database, work), signal);
    countItems(counts);
    return counts;
  }

  async close(): Promise<void> {}
}

/**
 * Counts exactly once, though neither a database nor a store of metrics knows of the other's commit, and the process may be
 * killed at any moment.
 *
 * Each transaction also writes its number and what it has to count into the row of this process's slot. The counts and a count
 * of transactions reach the store in one flush. So after a kill the next process with this slot compares both numbers: equal,
 * all is counted; the store is one behind, the last transaction is committed and not counted, and its counts are in the row.
 */
export class ExactLedger implements Ledger {
  readonly #database: Database;
  readonly #slot: string;
  readonly #acquire: () => Promise<Lock | undefined>;
  readonly #log: Log;
  readonly #taken = new AbortController();
  #lock: Lock;
  #sequence = 0;

  private constructor(
    database: Database,
    slot: string,
    acquire: () => Promise<Lock | undefined>,
    lock: Lock,
    log: Log,
  ) {
    this.#database = database;
    this.#slot = slot;
    this.#acquire = acquire;
    this.#lock = lock;
    this.#log = log;
  }

  /** Takes the first slot of this name that no other process has, and counts what its previous owner could not. */
  static async open(
    database: Database,
    databaseUrl: string,
    name: string,
    log: Log,
    signal: AbortSignal,
  ): Promise<ExactLedger> {
    for (let number = 0; number < MOST_SLOTS; number++) {
      const slot = `${name}-${number}`;
      const acquire = (): Promise<Lock | undefined> => tryLock(databaseUrl, `ledger ${slot}`, log);
      const lock = await whileAway(acquire, signal);
      if (lock === undefined) continue;
      const ledger = new ExactLedger(database, slot, acquire, lock, log);
      await ledger.#recover(signal);
      return ledger;
    }
    throw new Error(`${MOST_SLOTS} processes of ${name} run already`);
  }

  get taken(): AbortSignal {
    return this.#taken.signal;
  }

  async commit(work: (transaction: Queryable) => Promise<Counts>, signal: AbortSignal): Promise<Counts> {
    this.#taken.signal.throwIfAborted();
    const next = this.#sequence + 1;
    const counts = await whileAway(async () => {
      await this.#keepLock();
      // After a connection broke in a COMMIT, the row tells whether it happened.
      const committed = await this.#read();
      if (committed.sequence === next) return committed.counts;
      return inTransaction(this.#database, async (transaction) => {
        const found = await work(transaction);
        const { rowCount } = await transaction.query(
          'UPDATE ledger SET sequence = $2, counts = $3 WHERE slot = $1 AND sequence = $2 - 1',
          [this.#slot, next, JSON.stringify(found)],
        );
        if (rowCount === 0) throw this.#lose();
        return found;
      });
    }, signal);
    this.#sequence = next;
    countItems(counts, this.#slot);
    await this.#flush(signal);
    return counts;
  }

  async close(): Promise<void> {
    await this.#lock.release();
  }

  /** The lock ends with its connection, as when the database is restarted. */
  async #keepLock(): Promise<void> {
    if (!this.#lock.lost.aborted) return;
    const lock = await this.#acquire();
    if (lock === undefined) throw this.#lose();
    this.#lock = lock;
  }

  #lose(): SlotTaken {
    const error = new SlotTaken(this.#slot);
    this.#log.error({ slot: this.#slot }, 'another process has taken the slot: this one ends');
    this.#taken.abort(error);
    return error;
  }

  async #recover(signal: AbortSignal): Promise<void> {
    await whileAway(
      () =>
        this.#database.query(
          `INSERT INTO ledger (slot, sequence, counts) VALUES ($1, 0, '{}') ON CONFLICT DO NOTHING`,
          [this.#slot],
        ),
      signal,
    );
    const { sequence, counts } = await whileAway(() => this.#read(), signal);
    const counted = await untilItSucceeds(() => commitsCounted(this.#slot), this.#log, signal);
    this.#sequence = sequence;
    if (counted === sequence - 1) {
      this.#log.info({ slot: this.#slot, counts }, 'counting what a killed process had committed');
      countItems(counts, this.#slot);
      await this.#flush(signal);
    } else if (counted !== sequence) {
      // The store was wiped, or its values have expired: it counts from there.
      this.#log.warn({ slot: this.#slot, committed: sequence, counted }, 'the store of metrics began anew');
      this.#sequence = counted;
      await whileAway(
        () => this.#database.query('UPDATE ledger SET sequence = $2 WHERE slot = $1', [this.#slot, counted]),
        signal,
      );
    }
  }

  async #read(): Promise<{ sequence: number; counts: Counts }> {
    const { rows } = await this.#database.query<{ sequence: number; counts: Counts }>(
      'SELECT sequence, counts FROM ledger WHERE slot = $1',
      [this.#slot],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`the row ${this.#slot} of the ledger is gone`);
    return row;
  }

  async #flush(signal: AbortSignal): Promise<void> {
    await untilItSucceeds(flushMetrics, this.#log, signal);
  }
}

/** The process must end: what it has not counted is counted by the one that has the slot. */
export class SlotTaken extends Error {
  constructor(slot: string) {
    super(`another process has taken the slot ${slot}`);
    this.name = 'SlotTaken';
  }
}

/** Repeats `attempt` while the database is away. */
export async function whileAway<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  missed: (reason: string) => void = () => undefined,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!isAway(error)) throw error;
      missed(reasonOf(error));
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

async function untilItSucceeds<T>(attempt: () => Promise<T>, log: Log, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (failures === 0) log.warn({ reason: String(error) }, 'the store of metrics does not answer');
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
