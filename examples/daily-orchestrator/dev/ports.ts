import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range from which the kernel takes ports for outgoing connections. */
const LOWEST = 10_000;
const HIGHEST = 31_000;

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const server = createServer();
    try {
      server.listen({ port, host: '127.0.0.1', exclusive: true });
      await once(server, 'listening');
      return port;
    } catch {
      // Taken: another one.
    } finally {
      server.close();
    }
  }
}
