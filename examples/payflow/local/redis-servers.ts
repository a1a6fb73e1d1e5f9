import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Redis } from 'ioredis';

import { Daemon } from './daemon.js';
import { freePort } from './ports.js';

const run = promisify(execFile);

/** A redis-server that keeps its data on disk, so that a restart loses nothing. */
export class RedisNode {
  readonly name: string;
  readonly port: number;
  readonly #dir: string;
  readonly #options: readonly string[];
  #daemon: Daemon | undefined;

  constructor(name: string, port: number, dir: string, options: readonly string[] = []) {
    this.name = name;
    this.port = port;
    this.#dir = dir;
    this.#options = options;
  }

  async start(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true });
    const always = ['--bind', '127.0.0.1', '--dir', this.#dir, '--save', '', '--appendonly', 'yes'];
    const args = ['--port', String(this.port), ...always, ...this.#options];
    this.#daemon = new Daemon(this.name, 'redis-server', args, { dir: this.#dir });
    const client = this.client();
    await this.#daemon.until(async () => client.ping());
    client.disconnect();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#daemon?.stop(signal);
  }

  client(): Redis {
    const client = new Redis({
      host: '127.0.0.1',
      port: this.port,
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
    });
    client.on('error', () => undefined);
    return client;
  }
}

export interface RedisPair {
  readonly primary: RedisNode;
  readonly replica: RedisNode;
}

/** A primary and a replica. */
export async function startRedisPair(dir: string, ports: readonly number[] = []): Promise<RedisPair> {
  const primary = new RedisNode('redis_1', ports[0] ?? (await freePort()), join(dir, 'redis_1'));
  await primary.start();
  const replica = new RedisNode('redis_2', ports[1] ?? (await freePort()), join(dir, 'redis_2'), [
    '--replicaof',
    `127.0.0.1 ${primary.port}`,
    '--repl-diskless-sync-delay',
    '0',
  ]);
  await replica.start();
  return { primary, replica };
}

/** A Redis Cluster of three masters. */
export async function startRedisCluster(dir: string): Promise<readonly RedisNode[]> {
  const nodes = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const name = `cluster_${n}`;
      const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];
      const node = new RedisNode(name, await freePort(10_000), join(dir, name), options);
      await node.start();
      return node;
    }),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes']);
  return nodes;
}
