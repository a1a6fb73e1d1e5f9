import { isBrokenConnection, isConflict, isLockTimeout } from '../database/database-errors.js';
import type { PaymentAnswer } from '../payments/payments.js';
import { Problem, problemDetails } from './problem.js';
import type { BatchItemBody } from './routes/transaction-routes.js';
import type { Services } from './services.js';

interface ItemResult {
  readonly index: number;
  readonly status: number;
  readonly result: unknown;
}

/**
 * Transfers one by one by the worker pool: each stands for itself, so that one without funds does not stop the others. With an
 * Idempotency-Key each item has a key of its own, and a batch that is sent again does only what was not done.
 */
export async function runBatch(
  { payments, workers }: Services,
  actorId: number,
  items: readonly BatchItemBody[],
  key: string | undefined,
): Promise<{ readonly completed: number; readonly failed: number; readonly results: readonly ItemResult[] }> {
  const results = await workers.run(
    items.map((item, index) => async (): Promise<ItemResult> => {
      const itemKey = key === undefined ? undefined : `${key}#${index}`;
      return {
        index,
        ...(await outcomeOf(async () => payments.pay({ ...orderOf(item, actorId), key: itemKey }))),
      };
    }),
  );
  const completed = results.filter(({ status }) => status < 300).length;
  return { completed, failed: results.length - completed, results };
}

function orderOf(
  item: BatchItemBody,
  actorId: number,
): Omit<Parameters<Services['payments']['pay']>[0], 'key'> {
  return {
    type: 'transfer',
    actorId,
    fromUserId: item.sender_id,
    toUserId: item.receiver_id,
    amount: item.amount,
    description: item.description,
  };
}

async function outcomeOf(pay: () => Promise<PaymentAnswer>): Promise<Omit<ItemResult, 'index'>> {
  try {
    const { status, body } = await pay();
    return { status, result: JSON.parse(body) };
  } catch (error) {
    if (error instanceof Problem) return failed(error);
    // The others may fare better, and what was done must be told.
    if (isBrokenConnection(error))
      return failed(new Problem('outcome-unknown', 'Send the batch again with its key.'));
    if (isConflict(error) || isLockTimeout(error))
      return failed(new Problem('too-busy', 'Too many requests change this account.'));
    throw error;
  }
}

function failed({ code, message, status }: Problem): Omit<ItemResult, 'index'> {
  return { status, result: problemDetails(code, message) };
}
