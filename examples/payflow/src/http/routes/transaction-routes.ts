import type { FastifyReply } from 'fastify';
import { Type, type Static } from 'typebox';

import type { PaymentAnswer } from '../../payments/payments.js';
import { readStatistics } from '../../payments/statistics.js';
import type { TransactionType } from '../../ledger/transaction.js';
import { BatchAnswer, Statistics, Transaction } from '../answers.js';
import type { App } from '../app.js';
import { assertOwn, callerOf } from '../authenticate.js';
import { runBatch } from '../batch.js';
import { Problem } from '../problem.js';
import { Amount, CLOSED, Description, Id, IdempotencyKey, SECURED } from '../schemas.js';
import type { Services } from '../services.js';

const OneSided = Type.Object({ user_id: Id, amount: Amount, description: Description }, CLOSED);
const Transfer = Type.Object(
  { from_user_id: Id, to_user_id: Id, amount: Amount, description: Description },
  CLOSED,
);
const BatchItem = Type.Object(
  { sender_id: Id, receiver_id: Id, amount: Amount, description: Description },
  CLOSED,
);
const Batch = Type.Object({ transactions: Type.Array(BatchItem, { minItems: 1, maxItems: 1000 }) }, CLOSED);
const Stats = Type.Object({ hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 87_600 })) }, CLOSED);

export type BatchItemBody = Static<typeof BatchItem>;

export function transactionRoutes(app: App, services: Services): void {
  const schema = { tags: ['transactions'], ...SECURED };
  oneSidedRoute(app, services, 'deposit');
  oneSidedRoute(app, services, 'withdraw');

  app.post(
    '/api/transactions/transfer',
    { schema: { ...schema, body: Transfer, headers: IdempotencyKey, response: { 201: Transaction } } },
    async (request, reply) => {
      const { from_user_id: fromUserId, to_user_id: toUserId, amount, description } = request.body;
      // To send to others is what a transfer is for; to send from them is not.
      assertOwn(request, fromUserId);
      const { id: actorId } = callerOf(request);
      const key = request.headers['idempotency-key'];
      return sendAnswer(
        reply,
        await services.payments.pay({
          type: 'transfer',
          actorId,
          fromUserId,
          toUserId,
          amount,
          description,
          key,
        }),
      );
    },
  );

  app.post(
    '/api/transactions/batch',
    { schema: { ...schema, body: Batch, headers: IdempotencyKey, response: { 200: BatchAnswer } } },
    async (request) => {
      const { transactions } = request.body;
      for (const { sender_id: senderId } of transactions) assertOwn(request, senderId);
      const key = request.headers['idempotency-key'];
      const { results, ...counts } = await runBatch(services, callerOf(request).id, transactions, key);
      return { ...counts, results: [...results] };
    },
  );

  app.get(
    '/api/transactions/stats',
    { config: { access: 'admin' }, schema: { ...schema, querystring: Stats, response: { 200: Statistics } } },
    async (request) => {
      if (!services.fallbacks.allowsExtras) {
        services.fallbacks.record('refused_extra');
        throw new Problem('degraded', 'Statistics are back when a replica answers.');
      }
      return { items: [...(await readStatistics(services.database.reader, request.query.hours))] };
    },
  );
}

function oneSidedRoute(
  app: App,
  { payments }: Services,
  type: Extract<TransactionType, 'deposit' | 'withdraw'>,
): void {
  app.post(
    `/api/transactions/${type}`,
    {
      schema: {
        tags: ['transactions'],
        ...SECURED,
        body: OneSided,
        headers: IdempotencyKey,
        response: { 201: Transaction },
      },
    },
    async (request, reply) => {
      const { user_id: userId, amount, description } = request.body;
      assertOwn(request, userId);
      const { id: actorId } = callerOf(request);
      const key = request.headers['idempotency-key'];
      return sendAnswer(
        reply,
        await payments.pay({ type, actorId, fromUserId: userId, toUserId: userId, amount, description, key }),
      );
    },
  );
}

/** A stored answer is sent as it was, byte for byte. */
function sendAnswer(reply: FastifyReply, { status, body, replayed }: PaymentAnswer): FastifyReply {
  if (replayed) void reply.header('idempotency-replayed', 'true');
  return reply
    .status(status)
    .type(status < 300 ? 'application/json' : 'application/problem+json')
    .serializer((text: string) => text)
    .send(body);
}
