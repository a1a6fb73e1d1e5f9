import type { DatabaseReader } from '../database/database-reader.js';
import { toNumber, type Currency } from '../money/money.js';

export interface StatisticsRow {
  readonly type: string;
  readonly status: string;
  readonly currency: Currency;
  readonly count: number;
  readonly amount: number;
}

/** All transactions by type, status and currency; `hours` back, or all. */
export async function readStatistics(
  reader: DatabaseReader,
  hours: number | undefined,
): Promise<readonly StatisticsRow[]> {
  return reader.read('statistics', 0n, async (client) => {
    const { rows } = await client.query<
      Omit<StatisticsRow, 'count' | 'amount'> & { count: string; amount: string }
    >(
      `SELECT type, status, currency, count(*) AS count, sum(amount) AS amount FROM transactions
       WHERE $1::int IS NULL OR created_at > now() - make_interval(hours => $1)
       GROUP BY type, status, currency ORDER BY type, status, currency`,
      [hours ?? null],
    );
    return rows.map(({ count, amount, ...row }) => ({
      ...row,
      count: Number(count),
      amount: toNumber(BigInt(amount), row.currency),
    }));
  });
}
