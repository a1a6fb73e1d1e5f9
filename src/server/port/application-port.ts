import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { guarded } from '../../instrumentation/guarded-listener.js';
import { isOwnServer } from '../../own-traffic/own-traffic.js';

/** Published by every `listen()` of a server before the port is bound: Node 20.19, 22.15 and later have it. */
const LISTEN_CHANNEL = 'tracing:net.server.listen:asyncStart';

/**
 * Calls `listens` with each port on which the application is about to listen, in this process: what is closed by then is
 * free for it. In a cluster both the worker and the primary are told.
 *
 * @returns a function that ends it
 */
export function watchApplicationPorts(listens: (port: number) => void): () => void {
  const listener = guarded('a port that the application listens on is not noticed', (message) => {
    const { server, options } = message as { server?: object; options?: { port?: unknown } };
    const port = Number(options?.port ?? Number.NaN);
    if (port > 0 && server !== undefined && !isOwnServer(server)) listens(port);
  });
  subscribe(LISTEN_CHANNEL, listener);
  return () => void unsubscribe(LISTEN_CHANNEL, listener);
}
