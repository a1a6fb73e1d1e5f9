import { rmSync } from 'node:fs';

import { DATABASE_USER, startPostgresCluster, type PostgresCluster } from '../../local/postgres-cluster.js';
import { scratchFolder } from '../../local/scratch.js';
import { startRedisPair, type RedisPair } from '../../local/redis-servers.js';
import { migrateDatabase } from '../../src/cli/migrate-database.js';

/** Where the servers are that all tests share. The runner starts them and hands this to the test files. */
export interface SharedServers {
  readonly postgresPorts: readonly number[];
  readonly redisPorts: readonly number[];
}

export const VARIABLE = 'PAYFLOW_TEST_SERVERS';
/** A database with all tables, to be copied. */
export const TEMPLATE = 'payflow_template';

export interface OwnedServers extends SharedServers {
  readonly postgres: PostgresCluster;
  readonly redis: RedisPair;
  readonly stop: () => Promise<void>;
}

/** A PostgreSQL cluster with a migrated template, and a pair of Redis servers. */
export async function startServers(): Promise<OwnedServers> {
  const dir = scratchFolder();
  const [postgres, redis] = await Promise.all([
    startPostgresCluster(dir, { fast: true }),
    startRedisPair(dir),
  ]);
  await postgres.first.query(`CREATE DATABASE ${TEMPLATE}`);
  await migrateDatabase({
    host: '127.0.0.1',
    port: postgres.first.port,
    user: DATABASE_USER,
    database: TEMPLATE,
  });
  return {
    postgres,
    redis,
    postgresPorts: postgres.nodes.map(({ port }) => port),
    redisPorts: [redis.primary.port, redis.replica.port],
    stop: async () => {
      await Promise.all([postgres.stop(), redis.primary.stop('SIGKILL'), redis.replica.stop('SIGKILL')]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
