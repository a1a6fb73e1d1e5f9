import { createHash, randomBytes } from 'node:crypto';

import type { PoolClient } from 'pg';

import type { Cache } from '../cache/cache.js';
import type { Database } from '../database/database.js';
import { isUnavailable } from '../database/database-errors.js';
import type { RecentWrites } from '../database/recent-writes.js';
import type { FallbackManager } from '../resilience/fallback-manager.js';
import { forgetKeys, recallKey, rememberKey } from './key-cache.js';
import type { UserRole } from './user.js';
import { hashPassword, verifyPassword } from './passwords.js';

/** Who sends a request. */
export interface Caller {
  readonly id: number;
  readonly role: UserRole;
}

export interface IssuedKey {
  readonly api_key: string;
  readonly user_id: number;
  readonly expires_at: string;
}

export interface ApiKeysOptions {
  readonly database: Database;
  readonly recentWrites: RecentWrites;
  readonly cache: Cache;
  readonly fallbacks: FallbackManager;
  readonly ttlDays: number;
  readonly scryptCost: number;
}

/** `pf_<user id>_<secret>`: the id, which proves nothing, says which writes a replica must have to know the key. */
const FORMAT = /^pf_(\d{1,15})_([\w-]{43})$/;
const SECRET_BYTES = 32;

/** API keys: random, shown once, kept as hashes. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  #dummyHash: Promise<string> | undefined;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /** A new key for the right password; undefined for any wrong pair, after the same time whether the user exists or not. */
  async login(username: string, password: string): Promise<IssuedKey | undefined> {
    const { database, scryptCost } = this.#options;
    const user = await database.reader.read('find_login', 'primary', async (client) => {
      const { rows } = await client.query<{ id: string; password_hash: string }>(
        'SELECT id, password_hash FROM users WHERE lower(username) = lower($1) AND deleted_at IS NULL',
        [username],
      );
      return rows[0];
    });
    this.#dummyHash ??= hashPassword(randomBytes(SECRET_BYTES).toString('hex'), scryptCost);
    const right = await verifyPassword(password, user?.password_hash ?? (await this.#dummyHash));
    if (!right || user === undefined) return undefined;
    return this.#issue(Number(user.id), 'login', async () => undefined);
  }

  /** A new key in place of the one that the caller has sent, which is of no more use. */
  async renew(caller: Caller, oldKey: string): Promise<IssuedKey> {
    const hash = hashOf(oldKey);
    const issued = await this.#issue(caller.id, 'renew_key', async (client) => {
      await client.query('UPDATE api_keys SET revoked_at = now() WHERE hash = $1', [hash]);
    });
    await forgetKeys(this.#options.cache, [hash]);
    return issued;
  }

  /** Who a key belongs to; undefined if it is unknown, expired or revoked. */
  async authenticate(key: string): Promise<Caller | undefined> {
    const { database, recentWrites, cache, fallbacks } = this.#options;
    const [, id] = FORMAT.exec(key) ?? [];
    if (id === undefined) return undefined;
    const hash = hashOf(key);
    try {
      const after = await recentWrites.of(Number(id));
      const caller = await database.reader.read('find_key', after, async (client) => findKey(client, hash));
      if (caller !== undefined) void rememberKey(cache, hash, caller);
      return caller;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const cached = await recallKey(cache, hash);
      if (cached === undefined) throw error;
      fallbacks.record('cached_key');
      return cached ?? undefined;
    }
  }

  async #issue(
    userId: number,
    operation: string,
    before: (client: PoolClient) => Promise<void>,
  ): Promise<IssuedKey> {
    const { database, recentWrites, ttlDays } = this.#options;
    const key = `pf_${userId}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    const { result, position } = await database.writer.write(operation, async (client) => {
      await before(client);
      const { rows } = await client.query<{ expires_at: Date }>(
        `INSERT INTO api_keys (hash, user_id, expires_at) VALUES ($1, $2, now() + make_interval(days => $3)) RETURNING expires_at`,
        [hashOf(key), userId, ttlDays],
      );
      return rows[0]?.expires_at ?? new Date();
    });
    await recentWrites.remember([userId], position);
    return { api_key: key, user_id: userId, expires_at: result.toISOString() };
  }
}

async function findKey(client: PoolClient, hash: Buffer): Promise<Caller | undefined> {
  const { rows } = await client.query<{ id: string; role: UserRole }>(
    `SELECT users.id, users.role FROM api_keys JOIN users ON users.id = user_id
     WHERE hash = $1 AND revoked_at IS NULL AND expires_at > now() AND deleted_at IS NULL`,
    [hash],
  );
  return rows[0] && { id: Number(rows[0].id), role: rows[0].role };
}

/** The key is as random as a hash, so a fast one without salt is enough. */
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
