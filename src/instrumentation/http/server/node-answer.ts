import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import type { Refusal } from '../request-state.js';

/** The statuses that Node answers by itself; everything else that its parser refuses is 400. */
const STATUSES: ReadonlyMap<string, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['HPE_HEADER_OVERFLOW', 431],
]);
/** The end of the connection in the middle of a request: its client has left. */
const CLIENT_LEFT = 'HPE_INVALID_EOF_STATE';

/** Why Node closed a connection; undefined if it did not. */
export function refusalOf(socket: Socket & { readonly server?: Server }): Refusal | undefined {
  const error: unknown = socket.errored;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const { code } = error;
  if (code === CLIENT_LEFT || !(code.startsWith('HPE_') || STATUSES.has(code))) return undefined;
  const answersItself = (socket.server?.listenerCount('clientError') ?? 0) > 0;
  return { code, status: answersItself ? 0 : (STATUSES.get(code) ?? 400) };
}
