import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

import { runner } from 'node-pg-migrate';
import { Client } from 'pg';

import type { Log } from '../log/log.js';

/** Compiled files are in `dist/src/database`. */
const MIGRATIONS = join(__dirname, '../../../migrations');
const TABLE = 'migrations';

/** Brings the tables up to date. Of several processes that try at once one does it, and the others wait. */
export async function migrate(databaseUrl: string, log: Log): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    if (await isUpToDate(client)) return;
    // The tool's own way to wait for another process hung when four of them met an empty database.
    await client.query(`SELECT pg_advisory_lock(hashtext('daily-orchestrator migrations'))`);
    const done = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      migrationsTable: TABLE,
      noLock: true,
      log: () => undefined,
    });
    for (const { name } of done) log.info({ migration: name }, 'migrated');
  } finally {
    // It ends with the lock.
    await client.end();
  }
}

async function isUpToDate(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ there: string | null }>('SELECT to_regclass($1) AS there', [TABLE]);
  if (rows[0]?.there === null) return false;
  const { rows: done } = await client.query<{ name: string }>(`SELECT name FROM ${TABLE}`);
  const names = new Set(done.map(({ name }) => name));
  return readdirSync(MIGRATIONS).every((file) => names.has(parse(file).name));
}
