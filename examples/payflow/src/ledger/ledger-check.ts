import type { PoolClient } from 'pg';

import type { Currency } from '../money/money.js';

/** What must be 0, and what it all is, at one moment. */
export interface LedgerReport {
  /** Sum of all entries by currency, in minor units: 0 unless money was made or lost. */
  readonly imbalance: Readonly<Partial<Record<Currency, bigint>>>;
  /** Accounts whose projection is not the sum of their events. */
  readonly mismatches: number;
  /** Transactions whose entries do not sum to 0. */
  readonly unbalanced: number;
  /** Sum of all wallets by currency, in minor units. */
  readonly held: Readonly<Partial<Record<Currency, bigint>>>;
}

/** Computes the ledger anew, in one statement and so at one moment. */
export async function checkLedger(client: PoolClient): Promise<LedgerReport> {
  const { rows } = await client.query<{
    imbalance: Record<string, string> | null;
    held: Record<string, string> | null;
    mismatches: string;
    unbalanced: string;
  }>(`
    WITH sums AS (
      SELECT account_id, sum(amount) AS amount, max(version) AS version, count(*) AS events FROM events GROUP BY account_id
    ), by_currency AS (
      SELECT currency, sum(amount) AS imbalance, sum(amount) FILTER (WHERE kind = 'wallet') AS held
      FROM sums JOIN accounts ON id = account_id GROUP BY currency
    )
    SELECT (SELECT json_object_agg(currency, imbalance::text) FROM by_currency) AS imbalance,
           (SELECT json_object_agg(currency, held::text) FROM by_currency) AS held,
           (SELECT count(*) FROM sums FULL JOIN balances USING (account_id)
            WHERE balances.balance IS DISTINCT FROM sums.amount OR balances.version IS DISTINCT FROM sums.version
               OR sums.events <> sums.version) AS mismatches,
           (SELECT count(*) FROM (
              SELECT 1 FROM events WHERE transaction_id IS NOT NULL GROUP BY transaction_id HAVING sum(amount) <> 0
            ) AS wrong) AS unbalanced`);
  const [row] = rows;
  return {
    imbalance: amounts(row?.imbalance),
    held: amounts(row?.held),
    mismatches: Number(row?.mismatches ?? 0),
    unbalanced: Number(row?.unbalanced ?? 0),
  };
}

function amounts(texts: Record<string, string> | null | undefined): Partial<Record<Currency, bigint>> {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([currency, text]) => [currency, BigInt(text)]));
}
