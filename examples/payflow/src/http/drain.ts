import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';

const IDLE_AGAIN_MS = 100;

/**
 * Ends the connections of a server without breaking a request. First nobody connects any more: nginx, which is refused, asks
 * another instance. Idle connections are closed last, when nginx has long turned away: were one closed while nginx sends a payment
 * on it, nginx would have to answer 502, because it does not know whether the payment was made.
 */
export async function drain(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const ended = once(server, 'close');
  // That of HTTP closes the idle connections at once.
  TcpServer.prototype.close.call(server);
  let again: NodeJS.Timeout | undefined;
  const grace = setTimeout(() => {
    server.closeIdleConnections();
    again = setInterval(() => server.closeIdleConnections(), IDLE_AGAIN_MS);
  }, graceMs);
  try {
    await ended;
  } finally {
    clearTimeout(grace);
    clearInterval(again);
  }
}
