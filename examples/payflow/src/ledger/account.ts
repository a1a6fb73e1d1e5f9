import type { PoolClient } from 'pg';

import type { Currency } from '../money/money.js';

export type AccountKind = 'wallet' | 'external';

/** An account and the projection of its events. */
export interface AccountState {
  readonly accountId: string;
  readonly userId: number;
  readonly kind: AccountKind;
  readonly currency: Currency;
  /** Number of its newest event. */
  readonly version: bigint;
  /** In minor units. */
  readonly balance: bigint;
  readonly updatedAt: Date;
}

interface Row {
  readonly account_id: string;
  readonly user_id: string;
  readonly kind: AccountKind;
  readonly currency: Currency;
  readonly version: string;
  readonly balance: string;
  readonly updated_at: Date;
}

/**
 * All accounts of some users: a wallet and an external account each, none for who has no balance.
 *
 * @param lock waits for those that change them, and keeps others from it; in the order of the accounts, so that nobody waits
 *   for each other
 */
export async function accountsOf(
  client: PoolClient,
  userIds: readonly number[],
  lock = false,
): Promise<AccountState[]> {
  const { rows } = await client.query<Row>(
    `SELECT account_id, user_id, accounts.kind, currency, version, balance, updated_at
     FROM accounts JOIN balances ON account_id = id WHERE user_id = ANY($1::bigint[])
     ORDER BY account_id ${lock ? 'FOR UPDATE OF balances' : ''}`,
    [userIds],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    userId: Number(row.user_id),
    kind: row.kind,
    currency: row.currency,
    version: BigInt(row.version),
    balance: BigInt(row.balance),
    updatedAt: row.updated_at,
  }));
}

/** Opens the two accounts of a user; false if there are some. */
export async function openAccounts(client: PoolClient, userId: number, currency: Currency): Promise<boolean> {
  const { rows } = await client.query<{ id: string; kind: AccountKind }>(
    `INSERT INTO accounts (user_id, kind, currency) VALUES ($1, 'wallet', $2), ($1, 'external', $2)
     ON CONFLICT DO NOTHING RETURNING id, kind`,
    [userId, currency],
  );
  if (rows.length === 0) return false;
  const ids = rows.map(({ id }) => id);
  await client.query(
    `INSERT INTO events (account_id, version, type, amount) SELECT unnest($1::bigint[]), 1, 'account_opened', 0`,
    [ids],
  );
  await client.query(
    `INSERT INTO balances (account_id, kind, version, balance) SELECT unnest($1::bigint[]), unnest($2::text[]), 1, 0`,
    [ids, rows.map(({ kind }) => kind)],
  );
  return true;
}
