import { pathOf } from './path.js';
import type { StatefulRequest } from './request-state.js';

export interface ExpressRequest extends StatefulRequest {
  /** Undefined again after a failure that no handler took. */
  readonly baseUrl: string | undefined;
  readonly originalUrl?: unknown;
  readonly route?: { readonly path?: unknown } | undefined;
}

/** Told by three properties that a router of Express sets on each request: an application may set a `baseUrl` of its own. */
export function isExpressRequest(request: object): request is ExpressRequest {
  return (
    'baseUrl' in request &&
    (typeof request.baseUrl === 'string' || request.baseUrl === undefined) &&
    'next' in request &&
    'params' in request
  );
}

/** Stands for the pattern of a router's mount that was not seen: `req.baseUrl` holds what the client sent, names included. */
const UNSEEN_MOUNT = '/{mount}';

/** The route of a request whose Express no loader has seen (a bundle); undefined when no route matched. */
export function expressRoute(request: ExpressRequest): string | undefined {
  const path = request.route?.path;
  if (path === undefined || request.route === null) return undefined;
  const pattern = patternText(path);
  return joinRoutes(isMounted(request, pattern) ? UNSEEN_MOUNT : '', pattern);
}

/** Express takes `baseUrl` back when a handler has failed; then the path is longer than the pattern. */
function isMounted({ baseUrl, originalUrl }: ExpressRequest, pattern: string): boolean {
  if (typeof baseUrl === 'string') return baseUrl !== '';
  return typeof originalUrl === 'string' && depthOf(pathOf(originalUrl) ?? '') > depthOf(pattern);
}

function depthOf(path: string): number {
  return path.split('/').filter(Boolean).length;
}

/** Arrays and regular expressions as OpenTelemetry's Express instrumentation writes them, so that spans and metrics agree. */
export function patternText(path: unknown): string {
  return Array.isArray(path) ? path.flat(Infinity).map(String).join(',') : String(path);
}

/** The pattern of a router that has matched a part of the path, so that an alternative that matches nothing is none of it. */
export function mountText(path: unknown): string {
  const patterns = Array.isArray(path) ? path.flat(Infinity) : [path];
  return patterns
    .filter((pattern) => pattern !== '' && pattern !== '/')
    .map((pattern) => (typeof pattern === 'string' ? trimSlash(pattern) : String(pattern)))
    .join(',');
}

/** The route `pattern` of a router that is mounted at `mount`. */
export function joinRoutes(mount: string, pattern: string): string {
  if (mount === '') return pattern;
  if (pattern === '/' || pattern === '') return mount;
  return pattern.startsWith('/') ? mount + pattern : `${mount}/${pattern}`;
}

function trimSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
