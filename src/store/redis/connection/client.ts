import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { AbstractConnector, type Command, Redis, type RedisOptions } from 'ioredis';

import { sendOwnCommand } from '../../../own-traffic/own-traffic.js';
import type { RedisMode } from './redis-mode.js';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is and how to log in. */
export interface RedisTarget {
  readonly mode: RedisMode;
  /** The server; the sentinels; or some nodes of the cluster. At least one, or `path`. */
  readonly nodes: readonly RedisNode[];
  /** Unix socket. */
  readonly path?: string;
  /** Name of the master (sentinel). */
  readonly name?: string;
  readonly username?: string;
  readonly password?: string;
  /** How to log in to the sentinels, which have users and certificates of their own. */
  readonly sentinel?: Pick<RedisTarget, 'username' | 'password' | 'tls'>;
  readonly db?: number;
  readonly tls?: ConnectionOptions;
}

/** Opens sockets that never keep the process alive, not even while they connect. */
class UnrefConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: RedisOptions) {
    super(DISCONNECT_MS);
    this.#options = options;
  }

  connect(): Promise<Socket> {
    const { path, host, port, tls } = this.#options;
    const where = path === undefined ? { host: host ?? 'localhost', port: port ?? 6379 } : { path };
    // TLS has no server names that are addresses (RFC 6066); Node prints a deprecation for them.
    const servername = host !== undefined && isIP(host) === 0 ? host : undefined;
    const socket =
      tls === undefined
        ? connectTcp(where)
        : connectTls({ ...where, ...(servername && { servername }), ...tls });
    socket.unref();
    socket.once('error', (error) => {
      this.firstError = error;
    });
    this.stream = socket;
    this.connecting = true;
    return Promise.resolve(socket);
  }
}

/** A client whose commands are not measured as the application's, even if somebody subscribes to ioredis' channels. */
class OwnRedis extends Redis {
  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    // ioredis then does not publish the command, for which it makes a text of all arguments: 0.6 ms for a part of 1,000 points.
    // A version of ioredis that ignores the flag publishes it, and it is still told from the application's.
    command.isTraced = true;
    return sendOwnCommand(() => super.sendCommand(command, stream));
  }
}

/** A server that hangs is not waited for when its connection is dropped. */
const DISCONNECT_MS = 50;

/** A client that is not connected yet. It opens one connection, once, and never retries a command by itself. */
export function createClient(
  target: RedisTarget,
  node: RedisNode | undefined,
  connectTimeoutMs: number,
): Redis {
  const options: RedisOptions & { replyMapping: 'legacy' } = {
    replyMapping: 'legacy',
    lazyConnect: true,
    protocol: 2,
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: DISCONNECT_MS,
    // Retrying is the flush's business: a command is sent once, on a live connection, or not at all.
    retryStrategy: () => null,
    reconnectOnError: null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // INFO and CLIENT SETINFO may be forbidden by an ACL; a server that is loading says so in its answer.
    enableReadyCheck: false,
    disableClientInfo: true,
    username: target.username,
    password: target.password,
    ...(target.db !== undefined && { db: target.db }),
    ...(target.tls !== undefined && { tls: target.tls }),
  };
  if (target.path !== undefined) options.path = target.path;
  else Object.assign(options, node);
  options.Connector = connector(UnrefConnector);
  return new OwnRedis(options);
}

/** The address that its host's name stands for; undefined without a connection. */
export function addressOf(client: Redis): string | undefined {
  const { stream }: { stream?: unknown } = client;
  return stream instanceof Socket ? stream.remoteAddress : undefined;
}

/** Connects, and disconnects again if that fails. */
export async function openClient(client: Redis): Promise<void> {
  let cause: unknown;
  client.on('error', (error: unknown) => {
    cause = error;
  });
  try {
    await client.connect();
    // A refused login is reported as an event; the connection then counts as ready all the same.
    if (cause !== undefined) throw cause;
    // An answer that nobody asked for: the next one would be taken for that of another command.
    client.on('error', () => client.disconnect());
  } catch (error) {
    client.disconnect();
    throw cause ?? error;
  }
}

/** ioredis passes its options to the connector but declares them as unknown. */
function connector(constructor: unknown): NonNullable<RedisOptions['Connector']> {
  return constructor as NonNullable<RedisOptions['Connector']>;
}
