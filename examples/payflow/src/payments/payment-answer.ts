import { problemDetails } from '../http/problem.js';
import type { Answer } from '../ledger/idempotency.js';
import type { PostedTransaction } from '../ledger/post-transaction.js';
import type { Refusal, TransactionOrder } from '../ledger/transaction.js';
import { toNumber, type Currency } from '../money/money.js';

/** A completed transaction as the API shows it. */
export interface Transaction {
  readonly id: string;
  readonly type: string;
  readonly status: 'completed';
  readonly amount: number;
  readonly currency: Currency;
  readonly from_user_id: number | null;
  readonly to_user_id: number | null;
  readonly description: string | null;
  readonly created_at: string;
}

const DETAILS: Readonly<Record<Refusal, string>> = {
  'no-balance': 'The receiver has no balance.',
  'currency-mismatch': 'Money is not exchanged here: both balances need the same currency.',
  'insufficient-funds': 'The balance is less than the amount.',
  'balance-too-large': 'A balance has at most 15 digits.',
  'fraud-suspected': 'The payment looks like fraud. It was not made.',
};

/** What a client gets for a transaction that was recorded. */
export function answerTo(order: TransactionOrder, posted: PostedTransaction): Answer {
  if (posted.reason !== undefined) {
    const problem = problemDetails(posted.reason, DETAILS[posted.reason]);
    return { status: problem.status, body: JSON.stringify({ ...problem, transaction_id: posted.id }) };
  }
  const transaction: Transaction = {
    id: posted.id,
    type: order.type,
    status: 'completed',
    amount: toNumber(order.amount, order.currency),
    currency: order.currency,
    from_user_id: order.type === 'deposit' ? null : order.fromUserId,
    to_user_id: order.type === 'withdraw' ? null : order.toUserId,
    description: order.description ?? null,
    created_at: posted.createdAt.toISOString(),
  };
  return { status: 201, body: JSON.stringify(transaction) };
}
