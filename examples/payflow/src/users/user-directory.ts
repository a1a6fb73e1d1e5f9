import type { PoolClient } from 'pg';

import type { Cache } from '../cache/cache.js';
import type { Database } from '../database/database.js';
import { brokenUniqueness } from '../database/database-errors.js';
import type { RecentWrites } from '../database/recent-writes.js';
import { Problem } from '../http/problem.js';
import type { FallbackManager } from '../resilience/fallback-manager.js';
import { forgetKeys } from './key-cache.js';
import { hashPassword } from './passwords.js';
import { USER_COLUMNS, userOf, type User, type UserRole, type UserRow } from './user.js';

export interface UserDirectoryOptions {
  readonly database: Database;
  readonly recentWrites: RecentWrites;
  readonly cache: Cache;
  readonly fallbacks: FallbackManager;
  readonly scryptCost: number;
}

export interface NewUser {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly role: UserRole;
}

export interface UserChange {
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  readonly password?: string | undefined;
  readonly role?: UserRole | undefined;
}

/** A version above that of any update: nothing replaces the mark of a deleted user in the cache. */
const DELETED_VERSION = Number.MAX_SAFE_INTEGER;
const WARM_UP_PAGE = 500;

/** Users: the cache first, then a replica, then the primary. */
export class UserDirectory {
  readonly #options: UserDirectoryOptions;

  constructor(options: UserDirectoryOptions) {
    this.#options = options;
  }

  /** @throws Problem `taken` */
  async create(user: NewUser): Promise<User> {
    const { database, recentWrites, scryptCost, cache } = this.#options;
    const hash = await hashPassword(user.password, scryptCost);
    const { result, position } = await unlessTaken(async () =>
      database.writer.write('create_user', async (client) => {
        const { rows } = await client.query<UserRow>(
          `INSERT INTO users (username, email, password_hash, role) VALUES ($1, $2, $3, $4) RETURNING ${USER_COLUMNS}`,
          [user.username, user.email, hash, user.role],
        );
        return userOf(rows[0] as UserRow);
      }),
    );
    await recentWrites.remember([result.id], position);
    await cache.put('user', result.id, result.version, result);
    return result;
  }

  /** Undefined if there is none, or no more. */
  async find(id: number): Promise<User | undefined> {
    const { database, recentWrites, cache, fallbacks } = this.#options;
    const cached = await cache.get<User>('user', id);
    if (cached !== undefined) {
      if (fallbacks.mode === 'down') fallbacks.record('cached_user');
      return cached ?? undefined;
    }
    const user = await database.reader.read('find_user', await recentWrites.of(id), async (client) => {
      const { rows } = await client.query<UserRow>(
        `SELECT ${USER_COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL`,
        [id],
      );
      return rows[0] && userOf(rows[0]);
    });
    if (user !== undefined) await cache.put('user', id, user.version, user);
    return user;
  }

  /** In the order of their ids, those after `after`. */
  async list(limit: number, after: number): Promise<readonly User[]> {
    const { reader } = this.#options.database;
    return reader.read('list_users', 0n, async (client) => {
      const { rows } = await client.query<UserRow>(
        `SELECT ${USER_COLUMNS} FROM users WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2`,
        [after, limit],
      );
      return rows.map(userOf);
    });
  }

  /**
   * @param version what the caller has seen; undefined changes any version
   * @throws Problem `taken`, `not-found`, `changed-meanwhile`
   */
  async update(id: number, change: UserChange, version: number | undefined): Promise<User> {
    const { database, recentWrites, scryptCost, cache } = this.#options;
    const hash = change.password === undefined ? null : await hashPassword(change.password, scryptCost);
    const { result, position } = await unlessTaken(async () =>
      database.writer.write('update_user', async (client) => {
        const { rows } = await client.query<UserRow>(
          `UPDATE users SET username = coalesce($2, username), email = coalesce($3, email), role = coalesce($4, role),
             password_hash = coalesce($5, password_hash), version = version + 1, updated_at = now()
           WHERE id = $1 AND deleted_at IS NULL AND version = coalesce($6, version) RETURNING ${USER_COLUMNS}`,
          [id, change.username ?? null, change.email ?? null, change.role ?? null, hash, version ?? null],
        );
        if (rows[0] === undefined)
          throw version === undefined
            ? new Problem('not-found', `There is no user ${id}.`)
            : new Problem('changed-meanwhile', `User ${id} does not have version ${version} any more.`);
        // Whoever got hold of a key has it no more.
        const revoked = hash === null ? [] : await revokeKeys(client, id);
        return { user: userOf(rows[0]), revoked };
      }),
    );
    const { user, revoked } = result;
    await recentWrites.remember([id], position);
    await cache.put('user', id, user.version, user);
    await forgetKeys(cache, revoked);
    return user;
  }

  /** The events of the user's money stay. @throws Problem `not-found`, `balance-not-empty` */
  async remove(id: number): Promise<void> {
    const { database, recentWrites, cache } = this.#options;
    const { result: revoked, position } = await database.writer.write('delete_user', async (client) => {
      const { rows } = await client.query<{ balance: string }>(
        `SELECT balance FROM accounts JOIN balances ON account_id = id WHERE user_id = $1 AND accounts.kind = 'wallet' FOR UPDATE`,
        [id],
      );
      if (rows[0] !== undefined && BigInt(rows[0].balance) !== 0n)
        throw new Problem('balance-not-empty', `User ${id} still has money.`);
      const { rowCount } = await client.query(
        `UPDATE users SET deleted_at = now(), version = version + 1 WHERE id = $1 AND deleted_at IS NULL`,
        [id],
      );
      if (rowCount === 0) throw new Problem('not-found', `There is no user ${id}.`);
      return revokeKeys(client, id);
    });
    await recentWrites.remember([id], position);
    await cache.put('user', id, DELETED_VERSION, null);
    await forgetKeys(cache, revoked);
  }

  /** Reads users into the cache: one, or all. How many there were. */
  async warmUp(id?: number): Promise<number> {
    if (id !== undefined) return this.#warm([await this.find(id)]);
    let count = 0;
    for (let after = 0; ;) {
      const users = await this.list(WARM_UP_PAGE, after);
      count += await this.#warm(users);
      after = users.at(-1)?.id ?? after;
      if (users.length < WARM_UP_PAGE) return count;
    }
  }

  async #warm(users: ReadonlyArray<User | undefined>): Promise<number> {
    const { cache } = this.#options;
    const known = users.filter((user) => user !== undefined);
    await Promise.all(known.map(async (user) => cache.put('user', user.id, user.version, user)));
    return known.length;
  }
}

/** The hashes of the keys that are of no more use. */
async function revokeKeys(client: PoolClient, userId: number): Promise<readonly Buffer[]> {
  const { rows } = await client.query<{ hash: Buffer }>(
    'UPDATE api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL RETURNING hash',
    [userId],
  );
  return rows.map(({ hash }) => hash);
}

async function unlessTaken<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // Which of the two is taken stays untold: an email address says who has an account here.
    if (brokenUniqueness(error) !== undefined)
      throw new Problem('taken', 'Choose another username and email address.', { cause: error });
    throw error;
  }
}
