import type { FastifyRequest } from 'fastify';

import type { Caller } from '../users/api-keys.js';
import type { App } from './app.js';
import { Problem } from './problem.js';
import type { Services } from './services.js';

/**
 * Who may call a route: anybody; anybody, but a key that is sent has to be valid; administrators. Without this, a route needs a
 * key of any user: a new route is closed until somebody opens it.
 */
export type Access = 'public' | 'optional' | 'admin';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

export function authenticate(app: App, { keys, activeUsers }: Services): void {
  app.decorateRequest('caller', undefined);
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config;
    if (access === 'public' || request.is404) return;
    const key = request.headers['x-api-key'];
    if (key === undefined && access === 'optional') return;
    const caller = typeof key === 'string' ? await keys.authenticate(key) : undefined;
    if (caller === undefined)
      throw new Problem('unauthenticated', 'Send a valid key in the header X-API-Key.');
    request.caller = caller;
    void activeUsers.seen(caller.id);
    if (access === 'admin' && caller.role !== 'admin')
      throw new Problem('forbidden', 'Only administrators may do this.');
  });
}

/** The caller of a route that needs a key. */
export function callerOf(request: Pick<FastifyRequest, 'caller'>): Caller {
  if (request.caller === undefined)
    throw new Problem('unauthenticated', 'Send a valid key in the header X-API-Key.');
  return request.caller;
}

/** A user sees and moves only what is theirs. The answer is the same whether the other user exists or not. */
export function assertOwn(request: Pick<FastifyRequest, 'caller'>, userId: number): void {
  const { id, role } = callerOf(request);
  if (role !== 'admin' && id !== userId) throw new Problem('forbidden', 'This belongs to another user.');
}
