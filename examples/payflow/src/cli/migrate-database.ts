import { join } from 'node:path';

import { runner } from 'node-pg-migrate';
import type { ClientConfig } from 'pg';

const DIR = join(__dirname, '../../../migrations');

/** Brings a database to the newest version. Several may call it at once: the others wait. */
export async function migrateDatabase(target: ClientConfig): Promise<number> {
  const done = await runner({
    databaseUrl: target,
    dir: DIR,
    direction: 'up',
    migrationsTable: 'migrations',
    advisoryLockMode: 'wait',
    log: () => undefined,
  });
  return done.length;
}
