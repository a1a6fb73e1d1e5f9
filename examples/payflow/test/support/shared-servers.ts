import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { Client } from 'pg';

import { DATABASE_USER, startPostgresCluster, type PostgresCluster } from '../../local/postgres-cluster.js';
import { startRedisPair, type RedisPair } from '../../local/redis-servers.js';
import { migrateDatabase } from '../../src/cli/migrate-database.js';

/** Where the servers are that all tests share. The runner starts them and hands this to the test files. */
export interface SharedServers {
  readonly postgresPorts: readonly number[];
  readonly redisPorts: readonly number[];
}

export const VARIABLE = 'PAYFLOW_TEST_SERVERS';
const TEMPLATE = 'payflow_template';

export interface OwnedServers extends SharedServers {
  readonly postgres: PostgresCluster;
  readonly redis: RedisPair;
  readonly stop: () => Promise<void>;
}

/** A PostgreSQL cluster with a migrated template, and a pair of Redis servers. */
export async function startServers(): Promise<OwnedServers> {
  const dir = scratchDir();
  const [postgres, redis] = await Promise.all([startPostgresCluster(dir, { fast: true }), startRedisPair(dir)]);
  await postgres.first.query(`CREATE DATABASE ${TEMPLATE}`);
  await migrateDatabase({ host: '127.0.0.1', port: postgres.first.port, user: DATABASE_USER, database: TEMPLATE });
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

let started: Promise<SharedServers> | undefined;

/** The servers of the runner; when a test file is run by itself, servers that it starts and ends. */
export async function sharedServers(): Promise<SharedServers> {
  const given = process.env[VARIABLE];
  if (given !== undefined) return JSON.parse(given) as SharedServers;
  started ??= (async () => {
    const servers = await startServers();
    after(servers.stop);
    return servers;
  })();
  return started;
}

/** A migrated database of one's own, with the settings that reach it. */
export async function freshDatabase(): Promise<Record<string, string>> {
  const { postgresPorts, redisPorts } = await sharedServers();
  const [primary = 0] = postgresPorts;
  const name = `t_${randomBytes(6).toString('hex')}`;
  const client = new Client({ host: '127.0.0.1', port: primary, user: DATABASE_USER, database: 'postgres' });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  } finally {
    await client.end();
  }
  return settingsFor(name, postgresPorts, redisPorts);
}

/** Variables of a service on 127.0.0.1. Passwords cost little: tests hash many. */
export function settingsFor(
  database: string,
  [primary = 0, ...replicas]: readonly number[],
  [redis = 0, redisReplica = 0]: readonly number[],
): Record<string, string> {
  return {
    DB_PORT: String(primary),
    DB_NAME: database,
    ...Object.fromEntries(
      replicas.flatMap((port, index) => [
        [`DB_READ_HOST_${index + 1}`, '127.0.0.1'],
        [`DB_READ_PORT_${index + 1}`, String(port)],
      ]),
    ),
    REDIS_PORT: String(redis),
    REDIS_READ_HOST: '127.0.0.1',
    REDIS_READ_PORT: String(redisReplica),
    REDIS_KEY_PREFIX: `${database}:`,
    PASSWORD_SCRYPT_COST: '10',
    LOG_LEVEL: 'error',
    PORT: '0',
    // A busy machine is not a failure.
    DB_CONNECT_TIMEOUT_MS: '5000',
    DB_QUERY_TIMEOUT_MS: '20000',
    REDIS_TIMEOUT_MS: '3000',
  };
}

/** A folder that other accounts may enter. */
export function scratchDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'payflow-'));
  chmodSync(dir, 0o755);
  return dir;
}
