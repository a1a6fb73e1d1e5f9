import { expressRoute, isExpressRequest } from './express-route.js';
import { rawRequest } from './raw-request.js';
import { ensureState, type RouteSource, stateOf } from './request-state.js';
import type { RouteNormalizer } from './route-normalizer.js';

/**
 * Names the route of a request: the label `http_route` (`endpoint` in the names of prometheus-net). Call it before the
 * request is answered. It wins over the route that a framework declares; the last call wins over earlier ones.
 *
 * Use a template, never a path with values in it: each distinct route is a series.
 *
 * @param request Node's own request, or the request or context of Express, Fastify, Koa, Hapi, Hono or NestJS. Of anything
 * else nothing is measured, and nothing happens.
 * @param route any text, by custom with a leading slash: `/users/{id}`
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { setRoute } from '@org/orchestrator';
 *
 * createServer((request, response) => {
 *   if (request.url?.startsWith('/files/')) setRoute(request, '/files/{path}');
 *   response.end();
 * });
 * ```
 */
export function setRoute(request: object, route: string): void {
  ensureState(rawRequest(request)).route = route;
}

/** For a framework that handles `request`: the route is read from `subject` by `source` when the request ends. */
export function setRouteSource<Subject>(
  request: object,
  subject: Subject,
  source: (subject: Subject) => string | undefined,
): void {
  const state = ensureState(request);
  state.subject = subject;
  state.source = source as RouteSource;
}

/**
 * The route of a finished request. `setRoute` first, then the framework. A framework that matched nothing gives none,
 * since the path that the client asked for is no route then. Without a framework, the normalized path.
 *
 * @param target the request target at its start: routers cut `url`
 * @param succeeded only then a path becomes a route
 */
export function routeOf(
  request: object,
  target: string,
  succeeded: boolean,
  normalizer: RouteNormalizer | undefined,
): string | undefined {
  const state = stateOf(request);
  if (state !== undefined) {
    const { route, source } = state;
    if (route !== undefined) return route;
    if (source !== undefined) return source(state.subject);
  }
  if (isExpressRequest(request)) return expressRoute(request);
  return normalizer?.route(target, succeeded);
}
