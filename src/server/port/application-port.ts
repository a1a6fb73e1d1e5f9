import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { guarded } from '../../instrumentation/guarded-listener.js';
import { isOwnServer } from '../../own-traffic/own-traffic.js';

/** Published by every `listen()` of a server before the port is bound: Node 20.19, 22.15 and later have it. */
const LISTEN_CHANNEL = 'tracing:net.server.listen:asyncStart';

/** Ports on which the application has begun to listen, as far as they were watched. */
const remembered = new Set<number>();

/**
 * Calls `listens` with each port on which the application has begun to listen since {@link rememberApplicationPorts}, or is
 * about to, in this process: a port that is closed by then is free for it. In a cluster both the worker and the primary are
 * told.
 *
 * @returns a function that ends it
 */
export function watchApplicationPorts(listens: (port: number) => void): () => void {
  for (const port of remembered) listens(port);
  const listener = guarded('a port that the application listens on is not noticed', (message) => {
    const port = applicationPort(message);
    if (port !== undefined) listens(port);
  });
  subscribe(LISTEN_CHANNEL, listener);
  return () => void unsubscribe(LISTEN_CHANNEL, listener);
}

/** For a start that waits for a sign of the application, such as its first `listen()`: that port is not ours. */
export function rememberApplicationPorts(): void {
  subscribe(LISTEN_CHANNEL, remember);
}

const remember = guarded('a port that the application listens on is not noticed', (message) => {
  const port = applicationPort(message);
  if (port !== undefined) remembered.add(port);
});

function applicationPort(message: unknown): number | undefined {
  const { server, options } = message as { server?: object; options?: { port?: unknown } };
  const port = Number(options?.port ?? Number.NaN);
  return port > 0 && server !== undefined && !isOwnServer(server) ? port : undefined;
}
