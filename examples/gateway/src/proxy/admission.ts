import type { IncomingMessage } from 'node:http';

import { setRoute } from '@org/orchestrator';

import type { Identity } from '../auth/authenticator.js';
import { Problem } from '../server/problem.js';
import type { Runtime } from '../server/runtime.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Forwarding } from './forwarding.js';
import { isAmbiguousPath } from './path-template.js';
import type { Route } from './route-table.js';

/** A request that may go on. */
export interface Admitted {
  readonly route: Route;
  /** Path and query at the upstream. */
  readonly path: string;
  readonly identity: Identity | undefined;
  /** Where the client stands with its rate limit. */
  readonly limitHeaders: Readonly<Record<string, string>>;
}

/** The route of a request. @throws Problem 400, 404, 405 */
export function routeOf(
  runtime: Runtime,
  request: IncomingMessage,
): { readonly route: Route; readonly path: string } {
  const { url = '/', method = 'GET' } = request;
  const [rawPath = '/', ...query] = url.split('?');
  if (isAmbiguousPath(rawPath)) throw new Problem(400, 'bad_path', 'The path can be understood in two ways.');
  const route = runtime.table.find(method, rawPath);
  if (route === undefined) {
    const allowed = runtime.table.methodsOf(rawPath);
    if (allowed.length === 0) throw new Problem(404, 'no_route', 'No route has this path.');
    throw new Problem(405, 'method_not_allowed', `Allowed are ${allowed.join(', ')}.`, {
      headers: { allow: allowed.join(', ') },
    });
  }
  // So that the metrics of HTTP servers have the route of the configuration.
  setRoute(request, route.config.path);
  const path = route.rewrite(rawPath);
  return { route, path: query.length === 0 ? path : `${path}?${query.join('?')}` };
}

/** Authentication, then the rate limit. @throws Problem 401, 403, 429, 503 */
export async function admit(
  runtime: Runtime,
  request: IncomingMessage,
  forwarding: Forwarding,
  metrics: Metrics,
): Promise<Admitted> {
  const { route, path } = routeOf(runtime, request);
  const { name, access, rateLimit } = route.config;
  let identity: Identity | undefined;
  if (access !== undefined) {
    try {
      identity = await runtime.authenticator.authenticate(request, access);
    } catch (error) {
      metrics.authFailures.add(1, { route: name, reason: error instanceof Problem ? error.code : 'error' });
      throw error;
    }
  }
  const limit = runtime.limits.get(name);
  if (limit === undefined) return { route, path, identity, limitHeaders: {} };
  const address = forwarding.clientAddress(request);
  const key =
    rateLimit?.key === 'ip' || identity === undefined
      ? `ip:${address}`
      : `${identity.method}:${identity.subject}`;
  try {
    return { route, path, identity, limitHeaders: await limit.consume(key) };
  } catch (error) {
    metrics.rateLimited.add(1, { route: name });
    throw error;
  }
}
