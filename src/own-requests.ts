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
