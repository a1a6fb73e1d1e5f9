import type { RouteNormalizer } from './route-normalizer.js';
import { expressRoute, isExpressRequest } from './routes-express.js';

/**
 * Symbols of the global registry: an application may load a second copy of this package, and its `setRoute` must reach
 * the copy that listens.
 */
const ROUTE: unique symbol = Symbol.for('@org/orchestrator/route');
const REQUEST: unique symbol = Symbol.for('@org/orchestrator/request');
const SOURCE: unique symbol = Symbol.for('@org/orchestrator/route-source');

/** Reads the route of a request when it ends; shared by all requests of a framework, so that none is allocated per request. */
export type RouteSource = (request: object) => string | undefined;

export interface RoutedRequest {
  [ROUTE]?: string;
  [SOURCE]?: RouteSource;
  readonly httpVersionMajor?: number;
  readonly stream?: RoutedStream;
}

/** An HTTP/2 stream, which is all that Node's channels show. */
export interface RoutedStream {
  [REQUEST]?: RoutedRequest;
}

/**
 * Names the route of a request: `setRoute(req, '/users/{id}')`. Wins over what a framework says. Use a template, never a
 * path with values in it: each distinct route is a series.
 *
 * `request` is Node's own request, or the request or context of Express, Fastify, Koa, Hapi, Hono or NestJS.
 */
export function setRoute(request: object, route: string): void {
  const raw: RoutedRequest = rawRequest(request);
  raw[ROUTE] = route;
  remember(raw);
}

function remember(request: RoutedRequest): void {
  if (request.httpVersionMajor === 2 && request.stream !== undefined) request.stream[REQUEST] = request;
}

/** The request of an HTTP/2 stream, if somebody named its route. */
export function requestOf(stream: RoutedStream): RoutedRequest | undefined {
  return stream[REQUEST];
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

/** Says that a framework handles this request, and how its route is read when the request ends. */
export function setRouteSource(request: object, source: RouteSource): void {
  const raw: RoutedRequest = request;
  raw[SOURCE] = source;
  remember(raw);
}

/**
 * The route of a finished request. `setRoute` first, then the framework. A framework that matched nothing gives none,
 * since whatever the client asked for is then not a route. Without a framework, the normalized path.
 */
export function routeOf(
  request: RoutedRequest & { readonly url?: string | undefined },
  succeeded: boolean,
  normalizer: RouteNormalizer | undefined,
): string | undefined {
  const route = request[ROUTE];
  if (route !== undefined) return route;
  const source = request[SOURCE];
  if (source !== undefined) return source(request);
  if (isExpressRequest(request)) return expressRoute(request);
  return normalizer?.route(request.url ?? '/', succeeded);
}
