import cluster from 'node:cluster';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { guarded } from '../instrumentation/guarded-listener.js';
import type { MainKind } from './identity/main-file.js';

/** Published by Node when a server begins to listen, before the port is taken. */
const LISTEN_CHANNEL = 'tracing:net.server.listen:asyncStart';

/** Milliseconds: a process that lives for longer is no short tool. */
const SHORT_LIFE_MS = 1000;

interface Listening {
  readonly server: object;
  readonly options: { readonly path?: unknown };
}

/**
 * Calls `onSign` when the process shows that it is an application: it listens, or its own main file has lived for a second
 * or started a worker of a cluster.
 * For an installed program a second proves nothing, since compilers watch and launchers wait; nor does a socket in the file
 * system, by which launchers talk to the processes that they start, unless it is one of HTTP.
 *
 * @param onSecond called instead when the sign is a second of life: the process may be at work, and is not to be held up
 * @returns ends it
 */
export function watchForSigns(kind: MainKind, onSign: () => void, onSecond: () => void): () => void {
  let ended = false;
  const onListen = guarded('a server that listens is not seen', (message) => {
    const { server, options } = message as Listening;
    if (ended || (kind !== 'own' && options.path !== undefined && !isHttp(server))) return;
    onSign();
  });
  subscribe(LISTEN_CHANNEL, onListen);
  const timer = kind === 'own' ? setTimeout(onSecond, SHORT_LIFE_MS).unref() : undefined;
  if (kind === 'own') cluster.on('fork', onSign);
  return () => {
    ended = true;
    clearTimeout(timer);
    cluster.removeListener('fork', onSign);
    // Not at once: a channel that is published to would leave out the listener behind ours.
    setImmediate(() => unsubscribe(LISTEN_CHANNEL, onListen)).unref();
  };
}

/** Servers of `net` have no timeout of their own. */
function isHttp(server: object): boolean {
  return 'setTimeout' in server;
}
