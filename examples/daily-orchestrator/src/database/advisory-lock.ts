import { Client } from 'pg';

import type { Log } from '../log/log.js';

/** First half of the keys of this application's advisory locks; the second is a hash of the lock's name. */
const LOCK_SPACE = 0x0da11;
const HEARTBEAT_MS = 5000;

/**
 * A lock that one process of all holds: PostgreSQL gives it back when the connection ends, so that a killed process holds
 * none. `lost` is aborted when the connection breaks: the lock may be somebody else's from then on.
 */
export interface Lock {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Undefined when another process holds it. Throws when the database is away. */
export async function tryLock(databaseUrl: string, name: string, log: Log): Promise<Lock | undefined> {
  const client = new Client({
    connectionString: databaseUrl,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
    application_name: `daily-orchestrator ${name}`,
  });
  const lost = new AbortController();
  const lose = (reason: string): void => {
    if (lost.signal.aborted) return;
    lost.abort(new LockLost(name, reason));
  };
  client.on('error', (error) => lose(error.message));
  client.on('end', () => lose('the connection ended'));
  await client.connect();
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS held',
      [LOCK_SPACE, name],
    );
    if (rows[0]?.held !== true) {
      await client.end();
      return undefined;
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  // A host that vanished without a word is noticed too.
  const heartbeat = setInterval(() => {
    client.query('SELECT 1').catch((error: unknown) => lose(String(error)));
  }, HEARTBEAT_MS);
  heartbeat.unref();
  lost.signal.addEventListener('abort', () => {
    clearInterval(heartbeat);
    log.debug({ lock: name, reason: String(lost.signal.reason) }, 'lock ended');
    client.end().catch(() => undefined);
  });
  return {
    lost: lost.signal,
    async release() {
      lose('released');
      await client.end().catch(() => undefined);
    },
  };
}

export class LockLost extends Error {
  constructor(name: string, reason: string) {
    super(`the lock "${name}" is lost: ${reason}`);
    this.name = 'LockLost';
  }
}
