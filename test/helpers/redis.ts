import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Redis } from 'ioredis';

import { makeCertificates, type Certificates } from './certificates.js';
import { Daemon } from './daemon.js';
import { eventually } from './eventually.js';
import { onEnd, type Owner } from './owner.js';
import { freePort, freePortWith } from './ports.js';
import { scratchDir } from './scratch.js';

export interface RedisServerOptions {
  /** Asked of the default user. */
  readonly password?: string;
  /** Lines of an ACL file without the word `user`: `shop on >secret ~orchestrator:{shop}:* +@all`. */
  readonly users?: readonly string[];
  /** Listen at a unix socket only. */
  readonly unixSocket?: boolean;
  /** TLS only; `mutual` asks the client for its certificate. */
  readonly tls?: boolean | 'mutual';
  /** What the server's certificate is for, as in a certificate: `DNS:redis.example`. Default: this host. */
  readonly names?: string;
  /** Every write is on the disk before it is acknowledged, so that a restart has all data. */
  readonly persistent?: boolean;
  /** Further `name value` lines of redis.conf. */
  readonly config?: readonly string[];
}

const run = promisify(execFile);

const NO_TLS: Certificates = { ca: '', serverCert: '', serverKey: '', clientCert: '', clientKey: '' };

/** A private redis-server, stopped when its owner ends. */
export class RedisServer {
  readonly port: number;
  readonly socketPath: string;
  readonly certificates: Certificates;
  readonly #dir: string;
  readonly #options: RedisServerOptions;
  readonly #clients = new Set<Redis>();
  #daemon: Daemon | undefined;

  constructor(dir: string, port: number, certificates: Certificates, options: RedisServerOptions) {
    this.#dir = dir;
    this.port = port;
    this.certificates = certificates;
    this.#options = options;
    this.socketPath = options.unixSocket === true ? join(dir, 'r.sock') : '';
  }

  /** Without credentials, unless the default user has a password. */
  get url(): string {
    const { password } = this.#options;
    return this.urlFor('', password ?? '');
  }

  urlFor(user: string, password: string): string {
    if (this.socketPath !== '') return `unix://${this.socketPath}`;
    const credentials = password === '' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
    return `${this.#options.tls === undefined ? 'redis' : 'rediss'}://${credentials}127.0.0.1:${this.port}`;
  }

  /** Starts it with the data that it had, or without any. Resolves when it answers. */
  async start(data: 'kept' | 'empty' = 'kept'): Promise<void> {
    if (this.#daemon?.running === true) throw new Error('this redis-server runs already');
    const dataDir = join(this.#dir, 'data');
    if (data === 'empty') rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
    const configPath = join(this.#dir, 'redis.conf');
    await writeFile(configPath, this.#configuration(dataDir).join('\n'));
    const daemon = new Daemon('redis-server', [configPath], this.#dir);
    this.#daemon = daemon;
    const client = this.client();
    await eventually(async () => {
      daemon.assertRunning();
      await client.ping();
    });
  }

  get running(): boolean {
    return this.#daemon?.running === true;
  }

  /** Stopped in order by SIGTERM; SIGKILL is the crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    this.#clients.clear();
    await this.#daemon?.stop(signal);
  }

  /** The server hangs: it accepts connections and answers nothing. */
  pause(): void {
    this.#daemon?.signal('SIGSTOP');
  }

  resume(): void {
    this.#daemon?.signal('SIGCONT');
  }

  /** A client, disconnected when the server stops; with all rights, unless it is one of a user. */
  client(user?: { readonly username: string; readonly password: string }): Redis {
    const { password, tls } = this.#options;
    const client = new Redis({
      ...(this.socketPath === '' ? { port: this.port, host: '127.0.0.1' } : { path: this.socketPath }),
      ...(password !== undefined && { password }),
      // Its check whether the server is ready needs a right of its own.
      ...(user !== undefined && { ...user, enableReadyCheck: false }),
      ...(tls !== undefined && { tls: this.#tlsOptions() }),
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
    });
    // A server that is being started or was stopped by a test is no news.
    client.on('error', () => undefined);
    this.#clients.add(client);
    return client;
  }

  /** Every key of the database, sorted. */
  async keys(): Promise<string[]> {
    return (await this.client().keys('*')).toSorted();
  }

  #tlsOptions(): { ca: Buffer; cert: Buffer; key: Buffer; checkServerIdentity: () => undefined } {
    const { ca, clientCert, clientKey } = this.certificates;
    const files = { ca: readFileSync(ca), cert: readFileSync(clientCert), key: readFileSync(clientKey) };
    return { ...files, checkServerIdentity: () => undefined };
  }

  #configuration(dataDir: string): string[] {
    const { password, users, tls, persistent, config = [] } = this.#options;
    const lines = ['bind 127.0.0.1', `dir ${dataDir}`, 'save ""', 'enable-debug-command local', ...config];
    if (persistent === true) lines.push('appendonly yes', 'appendfsync always');
    if (password !== undefined) lines.push(`requirepass ${password}`);
    for (const user of users ?? []) lines.push(`user ${user}`);
    if (this.socketPath !== '') return [...lines, 'port 0', `unixsocket ${this.socketPath}`];
    if (tls === undefined) return [...lines, `port ${this.port}`];
    return [
      ...lines,
      'port 0',
      `tls-port ${this.port}`,
      `tls-cert-file ${this.certificates.serverCert}`,
      `tls-key-file ${this.certificates.serverKey}`,
      `tls-ca-cert-file ${this.certificates.ca}`,
      `tls-auth-clients ${tls === 'mutual' ? 'yes' : 'no'}`,
    ];
  }
}

/** A private redis-server on a free port of 127.0.0.1 (or a unix socket), ready to be used. */
export async function startRedis(owner: Owner, options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = scratchDir(owner, 'redis');
  const certificates = options.tls === undefined ? NO_TLS : await makeCertificates(dir, options.names);
  const server = new RedisServer(dir, await freePort(), certificates, options);
  onEnd(owner, () => server.stop('SIGKILL'));
  await server.start();
  return server;
}

export interface RedisCluster {
  /** Six nodes: three masters, each with a replica. */
  readonly nodes: readonly RedisServer[];
  /** As `ORCHESTRATOR_REDIS_NODES` wants them: `127.0.0.1:7000,127.0.0.1:7001`. */
  readonly addresses: string;
  /** Milliseconds without an answer after which the nodes that run take one for dead. */
  readonly setNodeTimeout: (ms: number) => Promise<void>;
}

/** On a loaded machine a node may not get a processor for seconds; it is not dead, and the cluster is not down. */
export const PATIENT_NODE_TIMEOUT_MS: number = 15_000;

/** Replicas get their copy at once; by default a master waits five seconds for more of them. */
const SYNC_AT_ONCE = 'repl-diskless-sync-delay 0';

async function assertSynced(replica: RedisServer): Promise<void> {
  const info = await replica.client().info('replication');
  if (!info.includes('role:master') && !info.includes('master_link_status:up'))
    throw new Error('a replica has no copy yet');
}

/** A Redis Cluster whose slots are all served, and whose replicas have their copies. */
export async function startRedisCluster(owner: Owner): Promise<RedisCluster> {
  const config = [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-node-timeout ${PATIENT_NODE_TIMEOUT_MS}`,
    SYNC_AT_ONCE,
  ];
  const nodes = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const dir = scratchDir(owner, 'cluster');
      const node = new RedisServer(dir, await freePortWith(10_000), NO_TLS, { config });
      onEnd(owner, () => node.stop('SIGKILL'));
      await node.start();
      return node;
    }),
  );
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']);
  await eventually(async () => {
    const states = await Promise.all(nodes.map((node) => node.client().cluster('INFO')));
    if (!states.every((state) => state.includes('cluster_state:ok')))
      throw new Error('the cluster is not complete');
    const roles = await Promise.all(nodes.map((node) => node.client().role()));
    if (roles.filter(([role]) => role === 'slave').length !== 3) throw new Error('there are no replicas yet');
    await Promise.all(nodes.map(assertSynced));
  });
  const setNodeTimeout = async (ms: number): Promise<void> => {
    const running = nodes.filter((node) => node.running);
    await Promise.all(running.map((node) => node.client().config('SET', 'cluster-node-timeout', ms)));
  };
  return { nodes, addresses: addresses.join(','), setNodeTimeout };
}

export interface RedisSentinel {
  /** The master at the start. */
  readonly master: RedisServer;
  readonly replicas: readonly RedisServer[];
  /** What the sentinels call the master. */
  readonly name: string;
  /** Of the sentinels, as `ORCHESTRATOR_REDIS_NODES` wants them. */
  readonly addresses: string;
}

/** One master, two replicas, three sentinels that agree after a second without an answer. */
export async function startRedisSentinel(owner: Owner): Promise<RedisSentinel> {
  const name = 'mymaster';
  const master = await startRedis(owner, { config: [SYNC_AT_ONCE] });
  const replicas = await Promise.all(
    [1, 2].map(() => startRedis(owner, { config: [`replicaof 127.0.0.1 ${master.port}`] })),
  );
  const ports = await Promise.all([1, 2, 3].map(() => startSentinel(owner, name, master.port)));
  await eventually(async () => {
    const info = await master.client().info('replication');
    if (!info.includes('connected_slaves:2')) throw new Error('the replicas are not connected');
    await Promise.all(replicas.map(assertSynced));
  });
  return { master, replicas, name, addresses: ports.map((port) => `127.0.0.1:${port}`).join(',') };
}

async function startSentinel(owner: Owner, name: string, masterPort: number): Promise<number> {
  const dir = scratchDir(owner, 'sentinel');
  const port = await freePort();
  const config = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  await writeFile(join(dir, 'sentinel.conf'), config.join('\n'));
  const daemon = new Daemon('redis-sentinel', ['sentinel.conf'], dir);
  onEnd(owner, () => daemon.stop('SIGKILL'));
  // A failover needs sentinels that know each other and both replicas.
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  onEnd(owner, () => client.disconnect());
  await eventually(async () => {
    daemon.assertRunning();
    const state = String(await client.call('SENTINEL', 'CKQUORUM', name));
    const replicas = await client.call('SENTINEL', 'REPLICAS', name);
    if (!state.startsWith('OK') || !Array.isArray(replicas) || replicas.length < 2) throw new Error(state);
  });
  return port;
}

/**
 * One sentinel that knows one master. Answers its port.
 *
 * @param config further lines of sentinel.conf; `tls-port` alone: it listens with TLS
 */
export async function startLoneSentinel(
  owner: Owner,
  master: RedisServer,
  config: readonly string[] = [],
): Promise<number> {
  const dir = scratchDir(owner, 'sentinel');
  const port = await freePort();
  const listening = config.includes('tls-port') ? `port 0\ntls-port ${port}` : `port ${port}`;
  const more = config.filter((line) => line !== 'tls-port');
  const lines = [
    listening,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
  ];
  await writeFile(join(dir, 'sentinel.conf'), [...lines, ...more].join('\n'));
  const daemon = new Daemon('redis-sentinel', ['sentinel.conf'], dir);
  onEnd(owner, () => daemon.stop('SIGKILL'));
  await eventually(async () => {
    daemon.assertRunning();
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect').finally(() => socket.destroy());
  });
  return port;
}
