import { rawRequest } from './raw-request.js';

const ACTION: unique symbol = Symbol.for('@org/orchestrator/action');

/** The code that answers a request: a class and its method in NestJS, a function's name elsewhere. */
export interface Action {
  /** The label `controller`; empty for none. */
  readonly controller: string;
  /** The label `action`; empty for none. */
  readonly action: string;
}

interface ActedRequest {
  [ACTION]?: Action;
  /** Express leaves it on a request whose route matched. */
  readonly route?: { readonly stack?: ReadonlyArray<{ readonly name?: unknown }> };
}

/**
 * Names the code that answers a request: the labels `controller` and `action` in the names of prometheus-net. Without that
 * naming it changes nothing. Call it before the request is answered; the last call wins. NestJS and Express need no call.
 *
 * Names of code, never values of a request: each distinct pair is a series.
 *
 * @param request Node's own request, or the request or context of Express, Fastify, Koa, Hapi, Hono or NestJS
 * @param action any text for both
 * @example
 * ```ts
 * import { setAction } from '@org/orchestrator';
 *
 * const showUser = { controller: 'Users', action: 'show' };
 * router.get('/users/:id', (context) => {
 *   setAction(context, showUser);
 *   context.body = 'ok';
 * });
 * ```
 */
export function setAction(request: object, action: Action): void {
  const acted: ActedRequest = rawRequest(request);
  acted[ACTION] = action;
}

/** Of requests without a name: empty, which Prometheus takes for absent. */
export const NO_ACTION: Action = { controller: '', action: '' };

/**
 * The argument of {@link setAction}, else the name of the last handler of the Express route.
 *
 * @param routed the request has a route: Express leaves on a request what called `next` as well
 */
export function actionOf(request: object, routed: boolean): Action {
  const acted: ActedRequest = request;
  const action = acted[ACTION];
  if (action !== undefined) return action;
  if (!routed) return NO_ACTION;
  const name = acted.route?.stack?.at(-1)?.name;
  return typeof name === 'string' && name !== '<anonymous>' && name !== '' ? expressAction(name) : NO_ACTION;
}

const byName = new Map<string, Action>();

function expressAction(name: string): Action {
  let action = byName.get(name);
  if (action === undefined) {
    action = { controller: '', action: name };
    byName.set(name, action);
  }
  return action;
}
