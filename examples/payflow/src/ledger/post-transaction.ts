import type { PoolClient } from 'pg';

import { VersionConflictError } from '../database/database-errors.js';
import { formatAmount } from '../money/money.js';
import { accountsOf } from './account.js';
import { decide, type Entry, type Refusal, type TransactionOrder } from './transaction.js';

/** A transaction as it was recorded. */
export interface PostedTransaction {
  readonly id: string;
  readonly status: 'completed' | 'refused';
  readonly reason: Refusal | undefined;
  readonly createdAt: Date;
}

/**
 * Adds the events of an order and moves the projection, in the caller's transaction. A refusal is recorded without events.
 *
 * The first try is optimistic: it locks nothing while it reads and decides. An account that many pay at once would refuse most
 * of them again and again, so a transaction that was refused once waits in the queue of the lock.
 *
 * @param tries 1 for the first
 * @param snapshotEvery events of an account between two snapshots
 * @param refusal decided already by others
 * @throws VersionConflictError when an account got another event meanwhile: repeat the whole transaction
 */
export async function postTransaction(
  client: PoolClient,
  order: TransactionOrder,
  tries: number,
  snapshotEvery: number,
  refusal?: Refusal,
): Promise<PostedTransaction> {
  const userIds = [...new Set([order.fromUserId, order.toUserId])];
  const decision = refusal ?? decide(order, await accountsOf(client, userIds, tries > 1));
  if (typeof decision === 'string')
    return { ...(await insertTransaction(client, order, decision)), reason: decision };
  const transaction = await insertTransaction(client, order, undefined);
  const entries = decision.toSorted((a, b) =>
    BigInt(a.account.accountId) < BigInt(b.account.accountId) ? -1 : 1,
  );
  await moveBalances(client, entries);
  await insertEvents(client, order, transaction.id, entries);
  await takeSnapshots(client, entries, snapshotEvery);
  await insertOutbox(client, order, transaction);
  return { ...transaction, reason: undefined };
}

async function insertTransaction(
  client: PoolClient,
  order: TransactionOrder,
  reason: Refusal | undefined,
): Promise<Omit<PostedTransaction, 'reason'>> {
  const status = reason === undefined ? 'completed' : 'refused';
  const { type, amount, currency, fromUserId, toUserId, actorId, description } = order;
  const { rows } = await client.query<{ id: string; created_at: Date }>(
    `INSERT INTO transactions (type, status, reason, amount, currency, from_user_id, to_user_id, actor_id, description)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, created_at`,
    [
      type,
      status,
      reason ?? null,
      amount,
      currency,
      type === 'deposit' ? null : fromUserId,
      type === 'withdraw' ? null : toUserId,
      actorId,
      description ?? null,
    ],
  );
  return { id: rows[0]?.id ?? '', status, createdAt: rows[0]?.created_at ?? new Date() };
}

async function insertEvents(
  client: PoolClient,
  order: TransactionOrder,
  transactionId: string,
  entries: readonly Entry[],
): Promise<void> {
  const others = new Map([
    [order.fromUserId, order.toUserId],
    [order.toUserId, order.fromUserId],
  ]);
  await client.query(
    `INSERT INTO events (account_id, version, type, transaction_id, amount, data)
     SELECT account_id, version, type, $1, amount, data
     FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::jsonb[]) AS entry (account_id, version, type, amount, data)`,
    [
      transactionId,
      entries.map(({ account }) => account.accountId),
      entries.map(({ account }) => account.version + 1n),
      entries.map(({ eventType }) => eventType),
      entries.map(({ amount }) => amount),
      entries.map(({ account }) =>
        JSON.stringify({
          ...(order.description !== undefined && { description: order.description }),
          ...(order.type === 'transfer' && { counterparty: others.get(account.userId) }),
        }),
      ),
    ],
  );
}

/** Locks in the order of the accounts, so that two transfers in opposite directions do not wait for each other for ever. */
async function moveBalances(client: PoolClient, entries: readonly Entry[]): Promise<void> {
  const { rowCount } = await client.query(
    `WITH locked AS MATERIALIZED (
       SELECT account_id FROM balances WHERE account_id = ANY($1::bigint[]) ORDER BY account_id FOR UPDATE
     )
     UPDATE balances SET version = entry.version + 1, balance = balances.balance + entry.amount, updated_at = now()
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS entry (account_id, version, amount)
       JOIN locked USING (account_id)
     WHERE balances.account_id = entry.account_id AND balances.version = entry.version`,
    [
      entries.map(({ account }) => account.accountId),
      entries.map(({ account }) => account.version),
      entries.map(({ amount }) => amount),
    ],
  );
  if (rowCount !== entries.length) throw new VersionConflictError('a balance has moved on');
}

async function takeSnapshots(client: PoolClient, entries: readonly Entry[], every: number): Promise<void> {
  const due = entries.filter(({ account }) => (account.version + 1n) % BigInt(every) === 0n);
  if (due.length === 0) return;
  await client.query(
    `INSERT INTO snapshots (account_id, version, balance) SELECT account_id, version, balance FROM balances
     WHERE account_id = ANY($1::bigint[])`,
    [due.map(({ account }) => account.accountId)],
  );
}

/** For other systems: sent after the commit, by whichever instance comes first. */
async function insertOutbox(
  client: PoolClient,
  order: TransactionOrder,
  transaction: Pick<PostedTransaction, 'id' | 'createdAt'>,
): Promise<void> {
  const payload = {
    transaction_id: transaction.id,
    type: order.type,
    amount: formatAmount(order.amount, order.currency),
    currency: order.currency,
    ...(order.type !== 'deposit' && { from_user_id: order.fromUserId }),
    ...(order.type !== 'withdraw' && { to_user_id: order.toUserId }),
    created_at: transaction.createdAt.toISOString(),
  };
  await client.query('INSERT INTO outbox (topic, payload) VALUES ($1, $2)', [
    'transaction.completed',
    JSON.stringify(payload),
  ]);
}
