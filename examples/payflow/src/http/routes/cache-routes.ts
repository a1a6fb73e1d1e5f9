import { Type } from 'typebox';

import { CacheKeys, CacheStatistics, Deleted, Warmed } from '../answers.js';
import type { App } from '../app.js';
import { Problem } from '../problem.js';
import { CLOSED, Id, SECURED } from '../schemas.js';
import type { Services } from '../services.js';

const Pattern = Type.String({ minLength: 1, maxLength: 200 });
const Keys = Type.Object({ pattern: Type.Optional(Pattern) }, CLOSED);
const WarmUp = Type.Union([
  // No body: all.
  Type.Null(),
  Type.Object({ type: Type.Literal('all') }, CLOSED),
  Type.Object({ type: Type.Literal('user'), user_id: Id }, CLOSED),
]);
const Invalidate = Type.Union([
  Type.Object({ user_id: Id }, CLOSED),
  Type.Object({ pattern: Pattern }, CLOSED),
]);

/** For administrators: keys say who uses the service. */
export function cacheRoutes(app: App, services: Services): void {
  const { cache, users, fallbacks } = services;
  const config = { access: 'admin' } as const;
  const schema = { tags: ['cache'], ...SECURED };

  app.get(
    '/api/cache/stats',
    { config, schema: { ...schema, response: { 200: CacheStatistics } } },
    async () => orUnavailable(async () => cache.stats()),
  );

  app.get(
    '/api/cache/keys',
    { config, schema: { ...schema, querystring: Keys, response: { 200: CacheKeys } } },
    async (request) =>
      orUnavailable(async () => {
        const { keys, complete } = await cache.keys(request.query.pattern ?? '*');
        return { keys: [...keys], complete };
      }),
  );

  app.post(
    '/api/cache/warmup',
    { config, schema: { ...schema, body: WarmUp, response: { 200: Warmed } } },
    async (request) => {
      if (!fallbacks.allowsExtras) {
        fallbacks.record('refused_extra');
        throw new Problem('degraded', 'The cache is warmed up when a replica answers.');
      }
      const { body } = request;
      const id = body?.type === 'user' ? body.user_id : undefined;
      return { warmed: await users.warmUp(id) };
    },
  );

  app.post(
    '/api/cache/invalidate',
    { config, schema: { ...schema, body: Invalidate, response: { 200: Deleted } } },
    async (request) => {
      const { body } = request;
      return orUnavailable(async () => {
        if ('pattern' in body) return { deleted: await cache.invalidate(body.pattern) };
        const deleted = await Promise.all(
          ['user', 'balance'].map(async (kind) => cache.invalidate(`${kind}:${body.user_id}`)),
        );
        return { deleted: deleted.reduce((sum, count) => sum + count, 0) };
      });
    },
  );
}

async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new Problem('unavailable', 'Redis does not answer. Try again later.', { cause: error });
  }
}
