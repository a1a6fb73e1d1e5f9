import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

import type { Owner } from './owner.js';

/** The port of a server that accepts connections, reads, and answers `words` or nothing. */
export async function hangingServer(owner: Owner, words = ''): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      if (words !== '') socket.write(words);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}
