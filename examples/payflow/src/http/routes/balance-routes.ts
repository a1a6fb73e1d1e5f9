import { Type, type Static } from 'typebox';

import { agrees, type Replay } from '../../ledger/replay.js';
import { toNumber } from '../../money/money.js';
import { History, Nothing, Replayed } from '../answers.js';
import type { App } from '../app.js';
import { assertOwn } from '../authenticate.js';
import { Balance, CLOSED, CurrencyCode, Id, Limit, Offset, SECURED, UserId } from '../schemas.js';
import type { Services } from '../services.js';

const Initialize = Type.Object({ user_id: Id, currency: Type.Optional(CurrencyCode) }, CLOSED);
const HistoryQuery = Type.Object({ user_id: Id, limit: Limit, offset: Offset }, CLOSED);

export function balanceRoutes(app: App, { balances, defaultCurrency }: Services): void {
  const schema = { tags: ['balances'], ...SECURED };

  app.post(
    '/api/balances/initialize',
    { schema: { ...schema, querystring: Initialize, response: { 201: Balance } } },
    async (request, reply) => {
      const { user_id: userId, currency = defaultCurrency } = request.query;
      assertOwn(request, userId);
      return reply.status(201).send(await balances.initialize(userId, currency));
    },
  );

  app.get(
    '/api/balances',
    { schema: { ...schema, querystring: UserId, response: { 200: Balance, 304: Nothing } } },
    async (request, reply) => {
      const { user_id: userId } = request.query;
      assertOwn(request, userId);
      const balance = await balances.read(userId);
      // A stale one has no tag: it is not known to be of any version.
      const etag = balance.stale ? undefined : `"${balance.version}"`;
      void reply.header('cache-control', 'private, no-cache');
      if (etag !== undefined) void reply.header('etag', etag);
      if (etag !== undefined && request.headers['if-none-match'] === etag)
        return reply.status(304).send(null);
      return reply.send(balance);
    },
  );

  app.get(
    '/api/balances/history',
    { schema: { ...schema, querystring: HistoryQuery, response: { 200: History } } },
    async (request, reply) => {
      const { user_id: userId, limit, offset } = request.query;
      assertOwn(request, userId);
      const { items, total } = await balances.history(userId, limit, offset);
      const next = offset + items.length;
      if (next < total)
        void reply.header(
          'link',
          `</api/balances/history?user_id=${userId}&limit=${limit}&offset=${next}>; rel="next"`,
        );
      return { items: [...items], total, limit, offset };
    },
  );

  app.post(
    '/api/balances/replay',
    { schema: { ...schema, querystring: UserId, response: { 200: Replayed } } },
    async (request) => {
      assertOwn(request, request.query.user_id);
      return describe(request.query.user_id, await balances.replay(request.query.user_id));
    },
  );

  app.post(
    '/api/balances/rebuild',
    { schema: { ...schema, querystring: UserId, response: { 200: Replayed } } },
    async (request) => {
      assertOwn(request, request.query.user_id);
      return describe(request.query.user_id, await balances.rebuild(request.query.user_id));
    },
  );
}

function describe(userId: number, replays: readonly Replay[]): Static<typeof Replayed> {
  const wallet = replays.find(({ kind }) => kind === 'wallet');
  const currency = wallet?.currency ?? 'EUR';
  return {
    user_id: userId,
    currency,
    balance: toNumber(wallet?.fromStart.balance ?? 0n, currency),
    events: Number(wallet?.events ?? 0n),
    consistent: replays.every(agrees),
    accounts: replays.map(({ kind, events, fromStart, fromSnapshot, projection }) => ({
      kind,
      events: Number(events),
      from_events: toNumber(fromStart.balance, currency),
      from_snapshot: fromSnapshot === undefined ? null : toNumber(fromSnapshot.balance, currency),
      projection: projection === undefined ? null : toNumber(projection.balance, currency),
    })),
  };
}
