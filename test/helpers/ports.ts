import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which the kernel takes ports for outgoing connections (32768 and up on Linux), so that nobody's
 * connection grabs a port between this check and the server that was promised it.
 */
const LOWEST = 10_000;
const HIGHEST = 22_000;

const given = new Set<number>();

/** A TCP port on 127.0.0.1 that is free now and was not given out before by this process. */
export async function freePort(): Promise<number> {
  return freePortWith(0);
}

/** A free port whose neighbour at `offset` is free too: Redis Cluster's bus listens at the port + 10000. */
export async function freePortWith(offset: number): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port)) continue;
    given.add(port);
    if ((await isFree(port)) && (offset === 0 || (await isFree(port + offset)))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
