import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps a server's connections at `limit`: a new one ends the one that has waited longest without a request being answered.
 * Node's own `maxConnections` turns away the newest instead, so that slow or silent clients would keep scrapers out.
 */
export function limitConnections(server: Server, limit: number): void {
  /** Oldest first. */
  const waiting = new Set<Socket>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open += 1;
    waiting.add(socket);
    socket.once('close', () => {
      open -= 1;
      waiting.delete(socket);
    });
    if (open <= limit) return;
    const [longest = socket] = waiting;
    longest.destroy();
  });
  server.on('request', ({ socket }, response) => {
    waiting.delete(socket);
    response.once('close', () => {
      if (!socket.destroyed) waiting.add(socket);
    });
  });
}
