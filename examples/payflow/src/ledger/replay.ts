import type { PoolClient } from 'pg';

import type { Currency } from '../money/money.js';
import type { AccountKind } from './account.js';

/** What the events of an account say, beside what the projection and the newest snapshot say. */
export interface Replay {
  readonly accountId: string;
  readonly kind: AccountKind;
  readonly currency: Currency;
  readonly events: bigint;
  /** Folded over all events from the first. */
  readonly fromStart: { readonly version: bigint; readonly balance: bigint };
  /** Folded over the newest snapshot and the events after it; undefined without a snapshot. */
  readonly fromSnapshot: { readonly version: bigint; readonly balance: bigint } | undefined;
  readonly projection: { readonly version: bigint; readonly balance: bigint } | undefined;
}

interface Event {
  readonly version: string;
  readonly amount: string;
}

/** Events that are read at once: an account may have millions. */
const PAGE = 1000;

/** Folds the events of all accounts of a user, in a transaction that sees one moment. Changes nothing. */
export async function replayAccounts(client: PoolClient, userId: number): Promise<Replay[]> {
  const { rows: accounts } = await client.query<{ id: string; kind: AccountKind; currency: Currency }>(
    'SELECT id, kind, currency FROM accounts WHERE user_id = $1 ORDER BY kind DESC',
    [userId],
  );
  const replays: Replay[] = [];
  for (const { id, kind, currency } of accounts) {
    const snapshot = await newestSnapshot(client, id);
    const fromStart = await fold(client, id, { version: 0n, balance: 0n });
    replays.push({
      accountId: id,
      kind,
      currency,
      events: fromStart.version,
      fromStart,
      fromSnapshot: snapshot && (await fold(client, id, snapshot)),
      projection: await projectionOf(client, id),
    });
  }
  return replays;
}

/** Whether every way to the balance leads to the same one. */
export function agrees({ fromStart, fromSnapshot, projection }: Replay): boolean {
  return [fromSnapshot ?? fromStart, projection].every(
    (state) => state?.balance === fromStart.balance && state.version === fromStart.version,
  );
}

/** Writes projection and snapshots of a user's accounts anew, from the first event. The caller's transaction locks them. */
export async function rebuildAccounts(
  client: PoolClient,
  userId: number,
  snapshotEvery: number,
): Promise<Replay[]> {
  // Writers of these accounts wait; a writer that has read before is refused by the version.
  await client.query(
    'SELECT 1 FROM balances JOIN accounts ON id = account_id WHERE user_id = $1 ORDER BY account_id FOR UPDATE OF balances',
    [userId],
  );
  for (const { accountId, kind, fromStart } of await replayAccounts(client, userId)) {
    await client.query('DELETE FROM snapshots WHERE account_id = $1', [accountId]);
    await client.query(
      `INSERT INTO snapshots (account_id, version, balance)
       SELECT account_id, version, balance FROM (
         SELECT account_id, version, sum(amount) OVER (ORDER BY version) AS balance FROM events WHERE account_id = $1
       ) AS states WHERE version % $2 = 0`,
      [accountId, snapshotEvery],
    );
    await client.query(
      `INSERT INTO balances (account_id, kind, version, balance) VALUES ($1, $2, $3, $4)
       ON CONFLICT (account_id) DO UPDATE SET version = $3, balance = $4, updated_at = now()`,
      [accountId, kind, fromStart.version, fromStart.balance],
    );
  }
  return replayAccounts(client, userId);
}

async function fold(
  client: PoolClient,
  accountId: string,
  start: { readonly version: bigint; readonly balance: bigint },
): Promise<{ readonly version: bigint; readonly balance: bigint }> {
  let { version, balance } = start;
  for (;;) {
    const { rows } = await client.query<Event>(
      'SELECT version, amount FROM events WHERE account_id = $1 AND version > $2 ORDER BY version LIMIT $3',
      [accountId, version, PAGE],
    );
    for (const event of rows) {
      const next = BigInt(event.version);
      if (next !== version + 1n) throw new Error(`account ${accountId} lacks event ${version + 1n}`);
      version = next;
      balance += BigInt(event.amount);
    }
    if (rows.length < PAGE) return { version, balance };
  }
}

async function newestSnapshot(
  client: PoolClient,
  accountId: string,
): Promise<{ readonly version: bigint; readonly balance: bigint } | undefined> {
  const { rows } = await client.query<{ version: string; balance: string }>(
    'SELECT version, balance FROM snapshots WHERE account_id = $1 ORDER BY version DESC LIMIT 1',
    [accountId],
  );
  return rows[0] && { version: BigInt(rows[0].version), balance: BigInt(rows[0].balance) };
}

async function projectionOf(client: PoolClient, accountId: string): Promise<Replay['projection']> {
  const { rows } = await client.query<{ version: string; balance: string }>(
    'SELECT version, balance FROM balances WHERE account_id = $1',
    [accountId],
  );
  return rows[0] && { version: BigInt(rows[0].version), balance: BigInt(rows[0].balance) };
}
