import type { StatefulRequest } from './request-state.js';
import { normalizePath } from './route-normalizer.js';

export interface ExpressRequest extends StatefulRequest {
  readonly baseUrl: string;
  readonly route?: { readonly path?: unknown } | undefined;
}

export function isExpressRequest(request: object): request is ExpressRequest {
  return 'baseUrl' in request && typeof request.baseUrl === 'string';
}

/** The route of a request whose Express no loader has seen (a bundle); undefined when no route matched. */
export function expressRoute(request: ExpressRequest): string | undefined {
  const path = request.route?.path;
  if (path === undefined || request.route === null) return undefined;
  return joinRoutes(request.baseUrl === '' ? '' : normalizePath(request.baseUrl), patternText(path));
}

/** Arrays and regular expressions as OpenTelemetry's Express instrumentation writes them, so that spans and metrics agree. */
export function patternText(path: unknown): string {
  return Array.isArray(path) ? path.flat(Infinity).map(String).join(',') : String(path);
}

/** The route `pattern` of a router that is mounted at `mount`. */
export function joinRoutes(mount: string, pattern: string): string {
  if (mount === '') return pattern;
  if (pattern === '/') return mount;
  return pattern.startsWith('/') ? trimSlash(mount) + pattern : `${trimSlash(mount)}/${pattern}`;
}

function trimSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
