import { setRouteSource } from '../http/route.js';
import type { Framework } from './framework.js';

/** Fastify 4 and 5, NestJS on Fastify. Both publish every new instance on a diagnostics channel, so nothing is patched. */
export const fastify: Framework = {
  name: 'Fastify',
  packages: ['fastify'],
  channel: { name: 'fastify.initialization', onMessage: hook },
};

interface FastifyRequest {
  readonly raw: object;
  readonly is404?: boolean;
  readonly routeOptions?: { readonly url?: string | undefined };
}

interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: unknown, done: () => void) => void,
  ): unknown;
}

/**
 * Adds the first `onRequest` hook of the root instance. It runs for every request, also for those that an authentication
 * hook or a schema rejects later, which Fastify's own `tracing:fastify.request.handler` channel never shows.
 */
function hook(message: unknown): void {
  if (typeof message !== 'object' || message === null || !('fastify' in message)) return;
  const instance = message.fastify as FastifyInstance;
  instance.addHook('onRequest', remember);
}

function remember(request: FastifyRequest, _reply: unknown, done: () => void): void {
  setRouteSource(request.raw, request, fastifyRoute);
  done();
}

function fastifyRoute({ is404, routeOptions }: FastifyRequest): string | undefined {
  return is404 === true ? undefined : routeOptions?.url;
}
