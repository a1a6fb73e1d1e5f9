import { Pool, types, type ClientBase, type PoolClient } from 'pg';

import type { Log } from '../log/log.js';

// Identifiers of EVE Online and counts stay far below 2^53.
types.setTypeParser(types.builtins.INT8, Number);

export type Database = Pool;
/** What runs one statement: the pool, or the client of a transaction. */
export type Queryable = Pick<ClientBase, 'query'>;

export function openDatabase(url: string, log: Log): Database {
  const pool = new Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'daily-orchestrator',
  });
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'a database connection broke'));
  return pool;
}

export async function inTransaction<T>(
  database: Database,
  work: (transaction: Queryable) => Promise<T>,
): Promise<T> {
  const client = await database.connect();
  let broken = false;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    broken = await cannotRollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

async function cannotRollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return false;
  } catch {
    return true;
  }
}

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  // Shut down, crashed, starting, too many connections, connection failures.
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08000',
  '08003',
  '08006',
]);

/** No such user, password, database or permission. */
const REFUSAL_CODES = new Set(['28000', '28P01', '3D000', '42501']);

/** Whether the database does not let this process in. */
export function isRefusal(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && REFUSAL_CODES.has(code);
}

/** What went wrong, in words. Of a name with several addresses, Node.js says in each of several errors what it does not in theirs. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

/** Whether a statement failed because the database is away, so that it may succeed later. */
export function isAway(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && CONNECTION_CODES.has(code)) return true;
  return /connection terminated|timeout exceeded when trying to connect|not queryable|client was closed/i.test(
    error.message,
  );
}
