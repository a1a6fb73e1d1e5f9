import type { Currency } from '../money/money.js';
import type { AccountKind, AccountState } from './account.js';

export type TransactionType = 'deposit' | 'withdraw' | 'transfer';

/** Why a transaction was refused. Refusals are kept too, so that statistics and auditors see them. */
export type Refusal =
  | 'no-balance'
  | 'currency-mismatch'
  | 'insufficient-funds'
  | 'balance-too-large'
  | 'fraud-suspected';

/** What somebody wants to happen. */
export interface TransactionOrder {
  readonly type: TransactionType;
  /** The user whose account is debited; for a deposit the receiver, whose external account is. */
  readonly fromUserId: number;
  readonly toUserId: number;
  /** In minor units. */
  readonly amount: bigint;
  readonly currency: Currency;
  readonly description: string | undefined;
  /** The user who asked for it. */
  readonly actorId: number;
}

/** A change of one account. */
export interface Entry {
  readonly account: AccountState;
  readonly eventType: string;
  /** Negative for the account that is debited. */
  readonly amount: bigint;
}

/** Both sides of every type of transaction. */
const SIDES: Readonly<
  Record<
    TransactionType,
    { readonly debit: readonly [AccountKind, string]; readonly credit: readonly [AccountKind, string] }
  >
> = {
  deposit: { debit: ['external', 'deposit_received'], credit: ['wallet', 'deposited'] },
  withdraw: { debit: ['wallet', 'withdrawn'], credit: ['external', 'withdrawal_paid'] },
  transfer: { debit: ['wallet', 'transfer_sent'], credit: ['wallet', 'transfer_received'] },
};

const LARGEST_BALANCE = 999_999_999_999_999n;

/** The two entries of an order, or why it cannot be done. Decides from what it is given; changes nothing. */
export function decide(
  order: TransactionOrder,
  accounts: readonly AccountState[],
): readonly [Entry, Entry] | Refusal {
  const { debit, credit } = SIDES[order.type];
  const from = accounts.find(({ userId, kind }) => userId === order.fromUserId && kind === debit[0]);
  const to = accounts.find(({ userId, kind }) => userId === order.toUserId && kind === credit[0]);
  if (from === undefined || to === undefined) return 'no-balance';
  if (from.currency !== order.currency || to.currency !== order.currency) return 'currency-mismatch';
  if (from.kind === 'wallet' && from.balance < order.amount) return 'insufficient-funds';
  if (to.balance + order.amount > LARGEST_BALANCE || from.balance - order.amount < -LARGEST_BALANCE)
    return 'balance-too-large';
  return [
    { account: from, eventType: debit[1], amount: -order.amount },
    { account: to, eventType: credit[1], amount: order.amount },
  ];
}
