const ACTION: unique symbol = Symbol.for('@org/orchestrator/action');

/** Which code answers a request: a class and its method in NestJS, a function's name elsewhere. */
export interface Action {
  readonly controller: string;
  readonly action: string;
}

interface ActedRequest {
  [ACTION]?: Action;
  /** Fastify wraps Node's request. */
  readonly raw?: ActedRequest;
  /** What Express leaves on a request whose route matched. */
  readonly route?: { readonly stack?: ReadonlyArray<{ readonly name?: unknown }> };
}

export function setAction(request: ActedRequest, action: Action): void {
  (request.raw ?? request)[ACTION] = action;
}

const NONE: Action = { controller: '', action: '' };

/** What {@link setAction} said, else the name of the last handler of the Express route. */
export function actionOf(request: ActedRequest): Action {
  const action = request[ACTION];
  if (action !== undefined) return action;
  const name = request.route?.stack?.at(-1)?.name;
  return typeof name === 'string' && name !== '<anonymous>' && name !== '' ? expressAction(name) : NONE;
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
