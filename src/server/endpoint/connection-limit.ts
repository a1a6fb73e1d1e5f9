import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps a server's connections at `limit`: a new one ends the one that has waited longest without a request being answered.
 * Node's own `maxConnections` turns away the newest instead, so that slow or silent clients would keep scrapers out.
 */
export function limitConnections(server: Server, limit: number): void {
  /** Oldest first, by the client's address and port: with TLS a request has another socket than its connection. */
  const waiting = new Map<string, Socket>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    const client = clientOf(socket);
    open += 1;
    waiting.set(client, socket);
    socket.once('close', () => {
      open -= 1;
      if (waiting.get(client) === socket) waiting.delete(client);
    });
    if (open <= limit) return;
    const [longest = socket] = waiting.values();
    longest.destroy();
  });
  server.on('request', ({ socket }, response) => {
    const client = clientOf(socket);
    const connection = waiting.get(client);
    if (connection === undefined) return;
    waiting.delete(client);
    response.once('close', () => {
      if (!connection.destroyed) waiting.set(client, connection);
    });
  });
}

function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
