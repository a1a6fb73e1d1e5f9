import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { runner } from 'node-pg-migrate';
import pg from 'pg';

import type { Settings } from '../settings/read-settings.js';
import type { Log } from '../telemetry/log.js';

export type Database = pg.Pool;

/** Compiled code lies in dist/src/flows. */
const MIGRATIONS = join(__dirname, '../../../migrations');

type DatabaseSettings = Pick<
  Settings,
  'appName' | 'dbHost' | 'dbPort' | 'dbDatabase' | 'dbUsername' | 'dbPassword' | 'dbPool'
>;

export function openDatabase(settings: DatabaseSettings, log: Pick<Log, 'warn'>): Database {
  const pool = new pg.Pool({
    ...connection(settings),
    max: settings.dbPool,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'a connection to the database broke'));
  return pool;
}

function connection({
  appName,
  dbHost,
  dbPort,
  dbDatabase,
  dbUsername,
  dbPassword,
}: DatabaseSettings): pg.ClientConfig {
  return {
    host: dbHost,
    port: dbPort,
    database: dbDatabase,
    user: dbUsername,
    ...(dbPassword !== '' && { password: dbPassword }),
    application_name: appName,
    statement_timeout: 10_000,
  };
}

const MIGRATION_TRIES = 60;

/** Brings the tables up to date. Several processes may call it at once. Answers the names of what was applied. */
export async function migrate(settings: DatabaseSettings): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      const applied = await runner({
        databaseUrl: connection(settings),
        dir: MIGRATIONS,
        migrationsTable: 'gateway_migrations',
        direction: 'up',
        log: () => undefined,
      });
      return applied.map(({ name }) => name);
    } catch (error) {
      // The library gives up at once when another process has its lock.
      if (tries >= MIGRATION_TRIES || !/already running/.test((error as Error).message)) throw error;
      await sleep(500);
    }
  }
}

/** Runs statements in one transaction. */
export async function transaction<T>(
  database: Database,
  run: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await database.connect();
  try {
    await client.query('BEGIN');
    const result = await run(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // The connection may be what failed.
    const broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    client.release(broken);
    throw error;
  }
}
