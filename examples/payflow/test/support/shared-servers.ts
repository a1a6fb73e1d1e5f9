import { randomBytes } from 'node:crypto';
import { after } from 'node:test';

import { Client } from 'pg';

import { DATABASE_USER } from '../../local/postgres-cluster.js';
import { startServers, TEMPLATE, VARIABLE, type OwnedServers, type SharedServers } from './servers.js';

let started: Promise<OwnedServers> | undefined;
// Within a hook or a test, `after` would belong to that.
after(async () => (await started)?.stop());

/** The servers of the runner; when a test file is run by itself, servers that it starts and ends. */
export async function sharedServers(): Promise<SharedServers> {
  const given = process.env[VARIABLE];
  if (given !== undefined) return JSON.parse(given) as SharedServers;
  started ??= startServers();
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
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'error',
    PORT: '0',
    // A busy machine is not a failure.
    DB_CONNECT_TIMEOUT_MS: '5000',
    DB_QUERY_TIMEOUT_MS: '20000',
    REDIS_TIMEOUT_MS: '3000',
  };
}
