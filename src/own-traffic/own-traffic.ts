import { Agent } from 'node:http';

/**
 * Everything that this package asks for by HTTP goes through this agent, by which it is told from the application's
 * requests: it is neither measured nor traced.
 */
export const ownAgent: Agent = new Agent({ keepAlive: false });

/** For a `ClientRequest` or the options of one. */
export function isOwnRequest(request: object): boolean {
  return 'agent' in request && request.agent === ownAgent;
}

let sending = false;

/** Sends a Redis command of this package: what the driver publishes meanwhile is not the application's. */
export function sendOwnCommand<T>(send: () => T): T {
  const outer = sending;
  sending = true;
  try {
    return send();
  } finally {
    sending = outer;
  }
}

/** Whether the command that is being published right now is one of this package. */
export function isOwnCommand(): boolean {
  return sending;
}
