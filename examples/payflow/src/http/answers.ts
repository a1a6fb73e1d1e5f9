import { Type } from 'typebox';

import { Id, User } from './schemas.js';

/** What is answered, for the OpenAPI description and for the serializer: names that are not here are not sent. */
const Time = Type.String({ description: 'ISO 8601' });
const OrNull = {
  Number: Type.Union([Type.Number(), Type.Null()]),
  Text: Type.Union([Type.String(), Type.Null()]),
};

export const Nothing = Type.Null();

export const UserPage = Type.Object({ items: Type.Array(User) });

export const History = Type.Object({
  items: Type.Array(
    Type.Object({
      version: Type.Integer(),
      type: Type.String(),
      amount: Type.Number(),
      balance: Type.Number(),
      currency: Type.String(),
      transaction_id: OrNull.Text,
      description: OrNull.Text,
      counterparty: OrNull.Number,
      recorded_at: Time,
    }),
  ),
  total: Type.Integer(),
  limit: Type.Integer(),
  offset: Type.Integer(),
});

export const Replayed = Type.Object({
  user_id: Id,
  currency: Type.String(),
  balance: Type.Number(),
  events: Type.Integer(),
  consistent: Type.Boolean(),
  accounts: Type.Array(
    Type.Object({
      kind: Type.String(),
      events: Type.Integer(),
      from_events: Type.Number(),
      from_snapshot: OrNull.Number,
      projection: OrNull.Number,
    }),
  ),
});

export const Transaction = Type.Object({
  id: Type.String(),
  type: Type.String(),
  status: Type.Literal('completed'),
  amount: Type.Number(),
  currency: Type.String(),
  from_user_id: OrNull.Number,
  to_user_id: OrNull.Number,
  description: OrNull.Text,
  created_at: Time,
});

/** RFC 9457. A refused transaction has its id too. */
export const ProblemAnswer = Type.Object({
  type: Type.String({ description: 'urn:payflow:problem:…' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  instance: Type.Optional(Type.String()),
  transaction_id: Type.Optional(Type.String()),
});

export const BatchAnswer = Type.Object({
  completed: Type.Integer(),
  failed: Type.Integer(),
  results: Type.Array(
    Type.Object({
      index: Type.Integer(),
      status: Type.Integer(),
      result: Type.Unknown({ description: 'A transaction, or the problem that it was refused with.' }),
    }),
  ),
});

export const Statistics = Type.Object({
  items: Type.Array(
    Type.Object({
      type: Type.String(),
      status: Type.String(),
      currency: Type.String(),
      count: Type.Integer(),
      amount: Type.Number(),
    }),
  ),
});

export const CacheStatistics = Type.Object({
  hits: Type.Integer(),
  misses: Type.Integer(),
  hit_ratio: OrNull.Number,
  entries: Type.Integer(),
  connections: Type.Integer(),
});
export const CacheKeys = Type.Object({ keys: Type.Array(Type.String()), complete: Type.Boolean() });
export const Warmed = Type.Object({ warmed: Type.Integer() });
export const Deleted = Type.Object({ deleted: Type.Integer() });

export const Live = Type.Object({ status: Type.Literal('alive'), instance: Type.String() });
export const Ready = Type.Object({ status: Type.String(), mode: Type.String(), instance: Type.String() });

const Connections = Type.Object({ idle: Type.Integer(), used: Type.Integer(), waiting: Type.Integer() });
export const Health = Type.Object({
  status: Type.String(),
  instance: Type.String(),
  uptime_seconds: Type.Integer(),
  services: Type.Object({
    connection_manager: Type.Object({
      status: Type.String(),
      primary: OrNull.Text,
      servers: Type.Array(
        Type.Object({
          name: Type.String(),
          up: Type.Boolean(),
          role: Type.String(),
          lag_ms: Type.Integer(),
          weight: Type.Integer(),
          circuit_breaker: Type.String(),
          connections: Connections,
        }),
      ),
    }),
    load_balancer: Type.Object({
      enabled: Type.Boolean(),
      algorithm: Type.String(),
      targets: Type.Array(
        Type.Object({
          name: Type.String(),
          healthy: Type.Boolean(),
          weight: Type.Integer(),
          active: Type.Integer(),
          calls: Type.Integer(),
        }),
      ),
    }),
    fallback_manager: Type.Object({
      mode: Type.String(),
      fallbacks: Type.Record(Type.String(), Type.Integer()),
    }),
    circuit_breakers: Type.Record(Type.String(), Type.String()),
    cache: Type.Object({ connections: Type.Integer() }),
  }),
});
