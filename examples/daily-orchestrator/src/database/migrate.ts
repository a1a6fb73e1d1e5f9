import { join } from 'node:path';

import { runner } from 'node-pg-migrate';

import type { Log } from '../log/log.js';

/** Compiled files are in `dist/src/database`. */
export const MIGRATIONS: string = join(__dirname, '../../../migrations');

/** Brings the tables up to date. Several processes may try at once: all but one wait. */
export async function migrate(databaseUrl: string, log: Log): Promise<void> {
  const done = await runner({
    databaseUrl,
    dir: MIGRATIONS,
    direction: 'up',
    migrationsTable: 'migrations',
    log: () => undefined,
    advisoryLockMode: 'wait',
  });
  for (const { name } of done) log.info({ migration: name }, 'migrated');
}
