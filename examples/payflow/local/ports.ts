import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range from which the kernel takes ports for outgoing connections. */
const LOWEST = 10_000;
const HIGHEST = 22_000;

const given = new Set<number>();

/** A port of 127.0.0.1 that is free, and so is its neighbour at `offset`: a node of a Redis Cluster has its bus there. */
export async function freePort(offset = 0): Promise<number> {
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
