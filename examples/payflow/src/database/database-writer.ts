import type { PoolClient, QueryResult } from 'pg';

import type { Retry } from '../resilience/retry.js';
import type { ConnectionManager } from './connection-manager.js';
import { isBrokenConnection, isUnavailable, NoPrimaryError, OutcomeUnknownError } from './database-errors.js';
import type { DatabaseServer } from './database-server.js';

export interface WriterOptions {
  readonly retry: Retry;
  readonly observe: (operation: string, server: DatabaseServer, seconds: number, ok: boolean) => void;
  readonly onConflict: () => void;
}

export interface Written<Result> {
  readonly result: Result;
  /** Position of the log that a replica must have replayed to show this transaction. */
  readonly position: bigint;
}

/** Writes: transactions on the primary, whichever server that is. */
export class DatabaseWriter {
  readonly #manager: ConnectionManager;
  readonly #options: WriterOptions;

  constructor(manager: ConnectionManager, options: WriterOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  /**
   * Runs `work` in a transaction, again when it met another one; `tries` is 1 at first. A transaction that this resolves for is committed and, with
   * synchronous replication, on a replica.
   *
   * @throws NoPrimaryError and other errors that `isUnavailable` knows: nothing was written
   * @throws OutcomeUnknownError the connection broke at the commit; the caller repeats the request under its key
   */
  async write<Result>(
    operation: string,
    work: (client: PoolClient, tries: number) => Promise<Result>,
  ): Promise<Written<Result>> {
    let tries = 0;
    return this.#options.retry.whenConflict(async () => {
      if (tries++ > 0) this.#options.onConflict();
      const once = async (client: PoolClient): Promise<Result> => work(client, tries);
      const { primary } = this.#manager;
      if (primary === undefined) throw new NoPrimaryError('no database server takes writes at present');
      const start = performance.now();
      let ok = false;
      try {
        const written = await primary.use(async (client) => transaction(client, once));
        ok = true;
        return written;
      } catch (error) {
        if (isBrokenConnection(error)) void this.#manager.lookNow();
        throw error;
      } finally {
        this.#options.observe(operation, primary, (performance.now() - start) / 1000, ok);
      }
    });
  }
}

async function transaction<Result>(
  client: PoolClient,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Written<Result>> {
  await client.query('BEGIN');
  let result: Result;
  try {
    result = await work(client);
  } catch (error) {
    if (!isUnavailable(error)) await client.query('ROLLBACK');
    throw error;
  }
  return { result, position: await commit(client) };
}

async function commit(client: PoolClient): Promise<bigint> {
  try {
    // One round trip; the position is asked for after the commit, so it is not before it.
    const answers = (await client.query(
      `COMMIT; SELECT pg_current_wal_lsn() - '0/0' AS position`,
    )) as unknown as ReadonlyArray<QueryResult<{ position: string }>>;
    // A transaction in which a statement failed ends in ROLLBACK without an error.
    if (answers[0]?.command !== 'COMMIT') throw new Error(`COMMIT was answered by ${answers[0]?.command}`);
    return BigInt(answers[1]?.rows[0]?.position ?? 0);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new OutcomeUnknownError('the connection broke at the commit', { cause: error });
  }
}
