import { noted, notesOf, type NotedRequest, type RouteSource } from './request-state.js';
import type { RouteNormalizer } from './route-normalizer.js';
import { expressRoute, isExpressRequest } from '../frameworks/express.js';

/**
 * Names the route of a request, before it is answered: `setRoute(req, '/users/{id}')`. Wins over what a framework says. Use
 * a template, never a path with values in it: each distinct route is a series.
 *
 * `request` is Node's own request, or the request or context of Express, Fastify, Koa, Hapi, Hono or NestJS.
 */
export function setRoute(request: object, route: string): void {
  noted(rawRequest(request)).route = route;
}

/** Frameworks wrap Node's request in `raw` (Fastify), `raw.req` (Hapi), `req` (Koa) or `env.incoming` (Hono). */
function rawRequest(request: object): object {
  for (const path of WRAPPERS) {
    let inner: unknown = request;
    for (const key of path) inner = isObject(inner) ? Reflect.get(inner, key) : undefined;
    if (isObject(inner) && 'headers' in inner && 'method' in inner) return inner;
  }
  return request;
}

const WRAPPERS: ReadonlyArray<readonly string[]> = [['raw', 'req'], ['raw'], ['req'], ['env', 'incoming']];

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Says that a framework handles this request, and how its route is read from `subject` when the request ends. */
export function setRouteSource<Subject>(
  request: object,
  subject: Subject,
  source: (subject: Subject) => string | undefined,
): void {
  const notes = noted(request);
  notes.subject = subject;
  notes.source = source as RouteSource;
}

/**
 * The route of a finished request. `setRoute` first, then the framework. A framework that matched nothing gives none,
 * since whatever the client asked for is then not a route. Without a framework, the normalized path.
 */
export function routeOf(
  request: NotedRequest & { readonly url?: string | undefined },
  succeeded: boolean,
  normalizer: RouteNormalizer | undefined,
): string | undefined {
  const notes = notesOf(request);
  if (notes !== undefined) {
    const { route, source } = notes;
    if (route !== undefined) return route;
    if (source !== undefined) return source(notes.subject);
  }
  if (isExpressRequest(request)) return expressRoute(request);
  return normalizer?.route(request.url ?? '/', succeeded);
}
