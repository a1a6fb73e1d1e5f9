import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { onEnd, type Owner } from './owner.js';
import { RespStream, commandName, isPush } from './resp.js';

/**
 * Where a request's fate is decided.
 * - `dropReply`: the server does it, and the client never learns
 * - `doubleReply`: the client gets the reply twice; from then on each reply of the connection is that of the command before
 * - `garbage`: bytes that are no reply come in its place
 */
export type Fate = 'forward' | 'dropRequest' | 'dropReply' | 'doubleReply' | 'garbage';

/**
 * A TCP proxy in front of a Redis server that can fail in the ways a network does. Everything is forwarded until told
 * otherwise; changes take effect for what arrives next.
 */
export class RedisProxy {
  /** Milliseconds that every piece waits in each direction. */
  latencyMs = 0;
  /** Accepts and reads, answers nothing: the host behind a firewall that drops. */
  blackhole = false;
  /** Every request and reply is passed on in pieces of so many bytes. */
  pieceBytes: number = Infinity;
  /** Closes every new connection at once. */
  refuse = false;
  /** A longer request is answered with an error, as some services do. */
  maxRequestBytes: number = Infinity;
  /** The longest request and the longest reply so far, in bytes. */
  readonly longest: { request: number; reply: number } = { request: 0, reply: 0 };
  /** Decides for each request by the name of its command. */
  decide: (command: string) => Fate = () => 'forward';

  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return (address satisfies AddressInfo).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Ends all connections as they are. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Joins a client with a server until one of them goes. */
  bridge(client: Socket, upstream: Socket): void {
    const closeBoth = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', closeBoth);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        closeBoth();
      });
    }
    const fates: Fate[] = [];
    const requests = new RespStream();
    const replies = new RespStream();
    const toUpstream = this.#pipe(upstream);
    const toClient = this.#pipe(client);
    client.on('data', (piece: Buffer) => {
      for (const request of requests.push(piece)) {
        this.longest.request = Math.max(this.longest.request, request.length);
        if (request.length > this.maxRequestBytes) {
          const sizes = `Limit: ${this.maxRequestBytes} bytes, Actual: ${request.length} bytes`;
          toClient(Buffer.from(`-ERR max request size exceeded. ${sizes}.\r\n`));
          continue;
        }
        const fate = this.decide(commandName(request));
        if (fate === 'dropRequest') return closeBoth();
        fates.push(fate);
        toUpstream(request);
      }
    });
    upstream.on('data', (piece: Buffer) => {
      for (const reply of replies.push(piece)) {
        this.longest.reply = Math.max(this.longest.reply, reply.length);
        const fate = isPush(reply) ? 'forward' : fates.shift();
        if (fate === 'dropReply') return closeBoth();
        toClient(fate === 'garbage' ? GARBAGE : reply);
        if (fate === 'doubleReply') toClient(reply);
      }
    });
  }

  /** Writes in order, each piece not before its time; a socket that has gone swallows what is written to it. */
  #pipe(to: Socket): (piece: Buffer) => void {
    let last = Promise.resolve();
    return (piece) => {
      if (this.blackhole) return;
      const due = Date.now() + this.latencyMs;
      const pieces = Number.isFinite(this.pieceBytes) ? cutInto(piece, this.pieceBytes) : [piece];
      for (const one of pieces) last = last.then(() => writeWhenDue(to, one, due));
    };
  }
}

const GARBAGE = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');

function cutInto(piece: Buffer, bytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < piece.length; at += bytes) pieces.push(piece.subarray(at, at + bytes));
  return pieces;
}

async function writeWhenDue(to: Socket, piece: Buffer, due: number): Promise<void> {
  const wait = due - Date.now();
  if (wait > 0) await sleep(wait);
  if (to.writable) to.write(piece);
}

/** A proxy on a free port of 127.0.0.1 in front of the given port. */
export async function startProxy(owner: Owner, targetPort: number): Promise<RedisProxy> {
  const server = createServer({ noDelay: true });
  const proxy = new RedisProxy(server);
  server.on('connection', (client) => {
    if (proxy.refuse) client.resetAndDestroy();
    else proxy.bridge(client, connect({ port: targetPort, host: '127.0.0.1' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(owner, () => proxy.close());
  return proxy;
}
