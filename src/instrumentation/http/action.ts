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

export function setAction(request: object, action: Action): void {
  const acted: ActedRequest = request;
  (acted.raw ?? acted)[ACTION] = action;
}

/** Of requests that nobody named: empty, which Prometheus takes for absent. */
export const NO_ACTION: Action = { controller: '', action: '' };

/** What {@link setAction} said, else the name of the last handler of the Express route. */
export function actionOf(request: object): Action {
  const acted: ActedRequest = request;
  const action = acted[ACTION];
  if (action !== undefined) return action;
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
