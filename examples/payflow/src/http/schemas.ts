import { Type } from 'typebox';

import { CURRENCIES } from '../money/money.js';

/** Nothing else is taken: names that a schema does not have are an error. */
export const CLOSED = { additionalProperties: false } as const;

export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const Username = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{2,49}$' });
export const Email = Type.String({ format: 'email', maxLength: 254 });
export const Password = Type.String({ minLength: 8, maxLength: 128 });
export const Role = Type.Union([Type.Literal('user'), Type.Literal('admin')]);
export const CurrencyCode = Type.Union(CURRENCIES.map((currency) => Type.Literal(currency)));
/** A decimal as number or as text. Its digits are checked against the currency. */
export const Amount = Type.Union([
  Type.Number({ exclusiveMinimum: 0 }),
  Type.String({ pattern: String.raw`^\d{1,15}(\.\d{1,3})?$` }),
]);
export const Description = Type.Optional(Type.String({ maxLength: 200 }));
export const Limit = Type.Integer({ minimum: 1, maximum: 100, default: 20 });
export const Offset = Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 });

export const UserId = Type.Object({ user_id: Id }, CLOSED);

export const User = Type.Object({
  id: Id,
  username: Type.String(),
  email: Type.String(),
  role: Role,
  version: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
});

export const IssuedKey = Type.Object({ api_key: Type.String(), user_id: Id, expires_at: Type.String() });

export const Balance = Type.Object({
  user_id: Id,
  balance: Type.Number(),
  currency: Type.String(),
  version: Type.Integer(),
  updated_at: Type.String(),
  stale: Type.Boolean(),
});

export const IdempotencyKey = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, pattern: String.raw`^[\x21-\x7e]+$` }),
  ),
});

/** What all routes that need a key have in their OpenAPI description. */
export const SECURED = { security: [{ key: [] }] } as const;
