import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type * as TlsModule from 'node:tls';

import type { RedisNode, RedisTarget } from '../connection/client.js';
import { redirectionOf } from '../connection/redirection.js';
import type { RedisScript } from '../scripts/script.js';
import { encodeCommand, parseReply, RespError, type RespReply } from './resp-reply.js';

/** How to log in to a server. */
type Login = Pick<RedisTarget, 'username' | 'password' | 'db' | 'tls' | 'path'>;

/** Where this process has reached Redis before: the master that its sentinels named, or the owner of the slot in a cluster. */
export interface KnownNode extends RedisNode {
  /** So that no name has to be resolved. */
  readonly address: string | undefined;
}

/** A node that keeps answering MOVED is of a cluster that is reconfiguring. */
const MAX_REDIRECTS = 2;

/**
 * A connection for a few scripts, one after the other, at the end of a process. The client of every other connection takes as long
 * to load as all of this takes.
 */
export class RespConnection {
  readonly #target: RedisTarget;
  #socket: Socket;
  #host: string;

  private constructor(target: RedisTarget, socket: Socket, host: string) {
    this.#target = target;
    this.#socket = socket;
    this.#host = host;
  }

  /** Rejects if Redis cannot be reached. */
  static async open(target: RedisTarget, known: KnownNode | undefined): Promise<RespConnection> {
    const node = known ?? (await locate(target));
    return new RespConnection(target, await openSocket(target, node), node.host);
  }

  /** Rejects with {@link RespError} for what Redis refuses. */
  async run<Call, Reply>(script: RedisScript<Call, Reply>, call: Call): Promise<Reply> {
    const { keys, argv } = script.encode(call);
    const args = [keys.length, ...keys, ...argv];
    for (let hop = 0; ; hop += 1) {
      let reply = await ask(this.#socket, ['EVALSHA', script.sha, ...args]);
      if (isError(reply, /^NOSCRIPT/)) reply = await ask(this.#socket, ['EVAL', script.lua, ...args]);
      if (!(reply instanceof RespError)) return script.decode(reply, call);
      const redirection = redirectionOf(reply, this.#host);
      if (redirection?.kind !== 'moved' || hop === MAX_REDIRECTS) throw reply;
      this.close();
      this.#socket = await openSocket(this.#target, redirection.node);
      this.#host = redirection.node.host;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** The first node that answers; with sentinels the master that the first one of them names. */
async function locate(target: RedisTarget): Promise<RedisNode> {
  const { mode, nodes, name = 'mymaster', sentinel = {} } = target;
  const [first = { host: '127.0.0.1', port: 6379 }] = nodes;
  if (mode === 'standalone') return first;
  let failure: unknown;
  for (const node of nodes) {
    try {
      const socket = await openSocket(mode === 'sentinel' ? sentinel : target, node);
      try {
        if (mode === 'cluster') return node;
        const reply = await ask(socket, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]);
        if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(reply[1]) };
      } finally {
        socket.destroy();
      }
    } catch (error) {
      failure = error;
    }
  }
  throw failure instanceof Error ? failure : new Error(`the sentinels know no master ${name}`);
}

async function openSocket(login: Login, node: RedisNode & Partial<KnownNode>): Promise<Socket> {
  const { tls, path, username, password, db } = login;
  const where = path === undefined ? { host: node.address ?? node.host, port: node.port } : { path };
  const servername = isIP(node.host) === 0 ? node.host : undefined;
  const socket =
    tls === undefined
      ? connectTcp(where)
      : lazyTls().connect({ ...where, ...(servername && { servername }), ...tls });
  socket.setNoDelay(true);
  try {
    await once(socket, tls === undefined ? 'connect' : 'secureConnect');
    // Later errors are seen by whoever waits for a reply.
    socket.on('error', () => undefined);
    const user = username === undefined ? [] : [username];
    if (username !== undefined || password !== undefined)
      await expectOk(socket, ['AUTH', ...user, password ?? '']);
    if (db !== undefined) await expectOk(socket, ['SELECT', db]);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Half of what there is to load here. */
function lazyTls(): typeof TlsModule {
  return require('node:tls') as typeof TlsModule;
}

async function expectOk(socket: Socket, args: ReadonlyArray<string | number>): Promise<void> {
  const reply = await ask(socket, args);
  if (reply instanceof RespError) throw reply;
}

/** Sends a command and waits for the reply: one at a time. */
function ask(socket: Socket, args: ReadonlyArray<string | number | Buffer>): Promise<RespReply> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const stop = (): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
    };
    const onClose = (): void => {
      stop();
      reject(new Error('the connection was closed'));
    };
    const onData = (piece: Buffer): void => {
      received = Buffer.concat([received, piece]);
      try {
        const parsed = parseReply(received);
        if (parsed === undefined) return;
        stop();
        resolve(parsed.reply);
      } catch (error) {
        stop();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    socket.on('data', onData);
    socket.on('close', onClose);
    socket.write(encodeCommand(args));
  });
}

function isError(reply: RespReply, pattern: RegExp): reply is RespError {
  return reply instanceof RespError && pattern.test(reply.message);
}
