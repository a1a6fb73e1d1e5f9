/**
 * How this package tells its own traffic from the application's, all of it: servers by a mark, HTTP requests by their
 * agent, Redis commands by a flag that is up while they are handed to the driver. All three are judged by identity, never
 * by a port, a path or a name that the application may use as well. Exporters of OpenTelemetry are not ours: their requests
 * are known by the context in which they suppress tracing.
 */
import { Agent } from 'node:http';

import { context, createContextKey } from '@opentelemetry/api';

const servers = new WeakSet<object>();

/** Marks a server of this package, before it listens: its requests are neither measured nor traced. */
export function markOwnServer(server: object): void {
  servers.add(server);
}

export function isOwnServer(server: object): boolean {
  return servers.has(server);
}

/** Every HTTP request of this package goes through this agent: it is neither measured nor traced. */
export const ownAgent: Agent = new Agent({ keepAlive: false });

/** For a `ClientRequest` or the options of one. */
export function isOwnRequest(request: object): boolean {
  return 'agent' in request && request.agent === ownAgent;
}

/** As `suppressTracing` of @opentelemetry/core has it. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** What this package sends below HTTP, a name to resolve and a socket to connect, gets no span either. */
export function withoutSpans<T>(send: () => T): T {
  return context.with(context.active().setValue(SUPPRESS_TRACING, true), send);
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
