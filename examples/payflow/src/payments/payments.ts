import type { PoolClient } from 'pg';

import type { Database } from '../database/database.js';
import type { Written } from '../database/database-writer.js';
import type { RecentWrites } from '../database/recent-writes.js';
import { Problem } from '../http/problem.js';
import {
  claimKey,
  requestHash,
  storeAnswer,
  storedAnswer,
  type Answer,
  type IdempotentRequest,
} from '../ledger/idempotency.js';
import { postTransaction } from '../ledger/post-transaction.js';
import type { TransactionOrder, TransactionType } from '../ledger/transaction.js';
import { AmountError, formatAmount, parseAmount, type Currency } from '../money/money.js';
import type { FraudCheck, FraudDecision } from './fraud-check.js';
import { answerTo } from './payment-answer.js';

/** A request as it came in. */
export interface PaymentRequest {
  readonly type: TransactionType;
  readonly actorId: number;
  readonly fromUserId: number;
  readonly toUserId: number;
  readonly amount: number | string;
  readonly description: string | undefined;
  /** Of the header `Idempotency-Key`. */
  readonly key: string | undefined;
}

export interface PaymentAnswer extends Answer {
  /** Answered from an earlier request with the same key. */
  readonly replayed: boolean;
}

export interface PaymentsOptions {
  readonly database: Database;
  readonly recentWrites: RecentWrites;
  readonly fraudCheck: FraudCheck;
  readonly currencyOf: (userId: number) => Promise<Currency | undefined>;
  readonly snapshotEvery: number;
  /** In minor units of a currency with two decimals; the same number in others. */
  readonly maxAmount: bigint;
  readonly onProcessed: (order: TransactionOrder, status: 'completed' | 'refused') => void;
  readonly onReplayed: () => void;
}

/** Deposits, withdrawals and transfers. */
export class Payments {
  readonly #options: PaymentsOptions;

  constructor(options: PaymentsOptions) {
    this.#options = options;
  }

  /**
   * Does what a request asks for, once for each of its keys, and answers what is sent to the client: also for a refusal.
   *
   * @throws Problem for what was not even tried, and errors of the database
   */
  async pay(request: PaymentRequest): Promise<PaymentAnswer> {
    const idempotent = idempotentRequest(request);
    const earlier = idempotent && (await this.#earlierAnswer(idempotent));
    if (earlier !== undefined) return this.#replay(earlier);
    const order = await this.#orderOf(request);
    const decision = await this.#checkFraud(order);
    const { result, position } = await this.#write(order, decision, idempotent);
    await this.#options.recentWrites.remember([order.fromUserId, order.toUserId, order.actorId], position);
    if (result.replayed) return this.#replay(result);
    this.#options.onProcessed(order, result.status < 300 ? 'completed' : 'refused');
    return result;
  }

  #replay(answer: Answer): PaymentAnswer {
    this.#options.onReplayed();
    return { ...answer, replayed: true };
  }

  /** Read before anything else, so that a repeated request does not depend on what holds now. */
  async #earlierAnswer(request: IdempotentRequest): Promise<Answer | undefined> {
    const { reader } = this.#options.database;
    return reader.read('find_answer', 'primary', async (client) => storedAnswer(client, request));
  }

  async #orderOf({
    type,
    actorId,
    fromUserId,
    toUserId,
    amount,
    description,
  }: PaymentRequest): Promise<TransactionOrder> {
    if (type === 'transfer' && fromUserId === toUserId)
      throw new Problem('same-account', 'A transfer needs two users.');
    const currency = await this.#options.currencyOf(fromUserId);
    if (currency === undefined)
      throw new Problem(
        'no-balance',
        `User ${fromUserId} has no balance. It is made by POST /api/balances/initialize.`,
      );
    return {
      type,
      fromUserId,
      toUserId,
      amount: this.#minorUnits(amount, currency),
      currency,
      description,
      actorId,
    };
  }

  #minorUnits(amount: number | string, currency: Currency): bigint {
    try {
      const minor = parseAmount(amount, currency);
      const limit = parseAmount(formatAmount(this.#options.maxAmount, 'EUR').replace(/\.00$/, ''), currency);
      if (minor > limit)
        throw new AmountError(`an amount is at most ${formatAmount(limit, currency)} ${currency}`);
      return minor;
    } catch (error) {
      if (!(error instanceof AmountError)) throw error;
      throw new Problem('invalid-amount', `${error.message}.`, { cause: error });
    }
  }

  /** Money that leaves a wallet is checked; the answer of another service is not waited for within a transaction. */
  async #checkFraud(order: TransactionOrder): Promise<FraudDecision> {
    if (order.type === 'deposit') return 'approved';
    const decision = await this.#options.fraudCheck.check(order.fromUserId, order.amount, order.currency);
    if (decision === 'unavailable')
      throw new Problem(
        'fraud-check-unavailable',
        'This amount is too large to pass unchecked. Try again later.',
      );
    return decision;
  }

  async #write(
    order: TransactionOrder,
    decision: FraudDecision,
    idempotent: IdempotentRequest | undefined,
  ): Promise<Written<PaymentAnswer>> {
    const { database, snapshotEvery } = this.#options;
    return database.writer.write(order.type, async (client: PoolClient, tries) => {
      const earlier = idempotent && (await claimKey(client, idempotent));
      if (earlier !== undefined) return { ...earlier, replayed: true };
      const refusal = decision === 'suspected' ? 'fraud-suspected' : undefined;
      const posted = await postTransaction(client, order, tries, snapshotEvery, refusal);
      const answer = answerTo(order, posted);
      if (idempotent !== undefined) await storeAnswer(client, idempotent, answer);
      return { ...answer, replayed: false };
    });
  }
}

function idempotentRequest(request: PaymentRequest): IdempotentRequest | undefined {
  const { key, type, actorId, fromUserId, toUserId, amount, description } = request;
  if (key === undefined) return undefined;
  return {
    userId: actorId,
    key,
    hash: requestHash(type, fromUserId, toUserId, String(amount), description ?? null),
  };
}
