import type { PoolClient } from 'pg';

import type { Cache } from '../cache/cache.js';
import type { Database } from '../database/database.js';
import { isUnavailable } from '../database/database-errors.js';
import type { RecentWrites } from '../database/recent-writes.js';
import { Problem } from '../http/problem.js';
import { toNumber, type Currency } from '../money/money.js';
import type { FallbackManager } from '../resilience/fallback-manager.js';
import { accountsOf, openAccounts, type AccountState } from './account.js';
import { rebuildAccounts, replayAccounts, type Replay } from './replay.js';

export interface BalancesOptions {
  readonly database: Database;
  readonly recentWrites: RecentWrites;
  readonly cache: Cache;
  readonly fallbacks: FallbackManager;
  readonly snapshotEvery: number;
}

/** A balance as the API shows it. */
export interface Balance {
  readonly user_id: number;
  readonly balance: number;
  readonly currency: Currency;
  /** Number of the newest event. */
  readonly version: number;
  readonly updated_at: string;
  /** From the cache, because no database answered: it may have changed. */
  readonly stale: boolean;
}

export interface HistoryItem {
  readonly version: number;
  readonly type: string;
  readonly amount: number;
  readonly balance: number;
  readonly currency: Currency;
  readonly transaction_id: string | null;
  readonly description: string | null;
  readonly counterparty: number | null;
  readonly recorded_at: string;
}

interface HistoryRow {
  readonly version: string;
  readonly type: string;
  readonly amount: string;
  readonly balance: string;
  readonly currency: Currency;
  readonly transaction_id: string | null;
  readonly data: { readonly description?: string; readonly counterparty?: number };
  readonly recorded_at: Date;
}

/** The balances of users: projections of their events. */
export class Balances {
  readonly #options: BalancesOptions;

  constructor(options: BalancesOptions) {
    this.#options = options;
  }

  /** @throws Problem `already-initialized`, `not-found` */
  async initialize(userId: number, currency: Currency): Promise<Balance> {
    const { database, recentWrites } = this.#options;
    const { result, position } = await database.writer.write('open_account', async (client) => {
      const { rowCount } = await client.query(
        'SELECT 1 FROM users WHERE id = $1 AND deleted_at IS NULL FOR SHARE',
        [userId],
      );
      if (rowCount === 0) throw new Problem('not-found', `There is no user ${userId}.`);
      if (!(await openAccounts(client, userId, currency)))
        throw new Problem('already-initialized', `User ${userId} has a balance.`);
      return walletOf(await accountsOf(client, [userId]));
    });
    await recentWrites.remember([userId], position);
    return balanceOf(result ?? missing(userId));
  }

  /** @throws Problem `not-found` */
  async read(userId: number): Promise<Balance> {
    const { database, recentWrites, cache, fallbacks } = this.#options;
    try {
      const wallet = await database.reader.read(
        'read_balance',
        await recentWrites.of(userId),
        async (client) => walletOf(await accountsOf(client, [userId])),
      );
      if (wallet === undefined) throw missing(userId);
      const balance = balanceOf(wallet);
      void cache.put('balance', userId, balance.version, balance);
      return balance;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const cached = await cache.get<Balance>('balance', userId);
      if (cached === undefined || cached === null) throw error;
      fallbacks.record('cached_balance');
      return { ...cached, stale: true };
    }
  }

  /** The newest events of the wallet first, with the balance after each. @throws Problem `not-found` */
  async history(
    userId: number,
    limit: number,
    offset: number,
  ): Promise<{ readonly items: readonly HistoryItem[]; readonly total: number }> {
    const { database, recentWrites } = this.#options;
    const after = await recentWrites.of(userId);
    return database.reader.read('read_history', after, async (client) => {
      const wallet = walletOf(await accountsOf(client, [userId]));
      if (wallet === undefined) throw missing(userId);
      return { items: await historyOf(client, wallet, limit, offset), total: Number(wallet.version) };
    });
  }

  /** Folds the events again and compares. Changes nothing. @throws Problem `not-found` */
  async replay(userId: number): Promise<readonly Replay[]> {
    const { database, recentWrites } = this.#options;
    const after = await recentWrites.of(userId);
    return database.reader.read('replay', after, async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      try {
        return assertSome(userId, await replayAccounts(client, userId));
      } finally {
        await client.query('ROLLBACK');
      }
    });
  }

  /** Writes the projection anew from the events. @throws Problem `not-found` */
  async rebuild(userId: number): Promise<readonly Replay[]> {
    const { database, recentWrites, snapshotEvery } = this.#options;
    const { result, position } = await database.writer.write('rebuild', async (client) =>
      assertSome(userId, await rebuildAccounts(client, userId, snapshotEvery)),
    );
    await recentWrites.remember([userId], position);
    return result;
  }

  /** The currency of a user's balance, undefined without one. Currencies never change, so any replica that knows it is right. */
  async currencyOf(userId: number): Promise<Currency | undefined> {
    const { database, recentWrites } = this.#options;
    const after = await recentWrites.of(userId);
    return database.reader.read('read_currency', after, async (client) => {
      const { rows } = await client.query<{ currency: Currency }>(
        `SELECT currency FROM accounts WHERE user_id = $1 AND kind = 'wallet'`,
        [userId],
      );
      return rows[0]?.currency;
    });
  }
}

async function historyOf(
  client: PoolClient,
  { accountId, balance }: AccountState,
  limit: number,
  offset: number,
): Promise<HistoryItem[]> {
  // The balance after an event is that of now without the events after it, which are few on the first pages.
  const { rows } = await client.query<HistoryRow>(
    `SELECT version, type, amount, currency, transaction_id, data, recorded_at,
       $2::bigint - coalesce(sum(amount) OVER (ORDER BY version DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
         AS balance
     FROM events JOIN accounts ON id = account_id WHERE account_id = $1 ORDER BY version DESC LIMIT $3 OFFSET $4`,
    [accountId, balance, limit, offset],
  );
  return rows.map((row) => ({
    version: Number(row.version),
    type: row.type,
    amount: toNumber(BigInt(row.amount), row.currency),
    balance: toNumber(BigInt(row.balance), row.currency),
    currency: row.currency,
    transaction_id: row.transaction_id,
    description: row.data.description ?? null,
    counterparty: row.data.counterparty ?? null,
    recorded_at: row.recorded_at.toISOString(),
  }));
}

export function balanceOf({ userId, balance, currency, version, updatedAt }: AccountState): Balance {
  return {
    user_id: userId,
    balance: toNumber(balance, currency),
    currency,
    version: Number(version),
    updated_at: updatedAt.toISOString(),
    stale: false,
  };
}

function walletOf(accounts: readonly AccountState[]): AccountState | undefined {
  return accounts.find(({ kind }) => kind === 'wallet');
}

function missing(userId: number): never {
  throw new Problem(
    'not-found',
    `User ${userId} has no balance. It is made by POST /api/balances/initialize.`,
  );
}

function assertSome(userId: number, replays: readonly Replay[]): readonly Replay[] {
  return replays.length > 0 ? replays : missing(userId);
}
