import { execFile } from 'node:child_process';
import { appendFileSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';

import { Daemon } from './daemon.js';
import { freePort } from './ports.js';
import { postgresAccount, postgresFolder } from './programs.js';

const run = promisify(execFile);

/** Of all servers. Authentication is by trust: the servers listen on 127.0.0.1 only. */
export const DATABASE_USER = 'payflow';

export interface PostgresClusterOptions {
  /** Ports of the primary and the replicas; free ones when absent. */
  readonly ports?: readonly number[];
  /** Whether a power failure may lose data, which makes tests faster. Default false. */
  readonly fast?: boolean;
}

/** One server of a cluster. Which of them is the primary changes. */
export class PostgresNode {
  readonly name: string;
  readonly port: number;
  readonly dir: string;
  #daemon: Daemon | undefined;

  constructor(name: string, port: number, dir: string) {
    this.name = name;
    this.port = port;
    this.dir = dir;
  }

  get running(): boolean {
    return this.#daemon?.running === true;
  }

  async start(): Promise<void> {
    const data = join(this.dir, 'data');
    const args = ['-D', data, '-p', String(this.port), '-k', this.dir, '-c', `cluster_name=${this.name}`];
    this.#daemon = new Daemon(this.name, join(programs(), 'postgres'), args, {
      dir: this.dir,
      ...postgresAccount(),
    });
    await this.#daemon.until(async () => this.query('SELECT 1'));
  }

  /** `SIGINT` is a fast stop in order, `SIGQUIT` a crash of all its processes. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    await this.#daemon?.stop(signal);
  }

  /** Rows of a statement. */
  async query<Row extends object>(text: string, database = 'postgres'): Promise<Row[]> {
    const client = new Client({ host: '127.0.0.1', port: this.port, user: DATABASE_USER, database });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }
}

/** A primary and two streaming replicas. A commit waits until one of the replicas has it on disk. */
export class PostgresCluster {
  readonly nodes: readonly PostgresNode[];

  constructor(nodes: readonly PostgresNode[]) {
    this.nodes = nodes;
  }

  /** The primary at the start. */
  get first(): PostgresNode {
    return this.node(0);
  }

  node(index: number): PostgresNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  /** Makes a node a replica of another one, from a new copy of it: what a primary becomes that was replaced. */
  async copy(from: PostgresNode, to: PostgresNode): Promise<void> {
    await to.stop('SIGQUIT');
    rmSync(join(to.dir, 'data'), { recursive: true, force: true });
    await baseBackup(from, to);
    await to.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop('SIGQUIT')));
  }
}

export async function startPostgresCluster(
  dir: string,
  { ports = [], fast = false }: PostgresClusterOptions = {},
): Promise<PostgresCluster> {
  const account = postgresAccount();
  const nodes = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const nodeDir = join(dir, `pg_${n}`);
      mkdirSync(nodeDir, { recursive: true });
      if (account.uid !== undefined && account.gid !== undefined)
        chownSync(nodeDir, account.uid, account.gid);
      return new PostgresNode(`pg_${n}`, ports[n - 1] ?? (await freePort()), nodeDir);
    }),
  );
  const [primary, ...replicas] = nodes as [PostgresNode, ...PostgresNode[]];
  const data = join(primary.dir, 'data');
  const options = [
    '--auth=trust',
    '--no-sync',
    '--no-instructions',
    `--username=${DATABASE_USER}`,
    '--pgdata',
    data,
  ];
  await run(join(programs(), 'initdb'), options, { ...account, cwd: primary.dir });
  appendFileSync(join(data, 'postgresql.conf'), configuration(fast));
  await primary.start();
  await Promise.all(replicas.map(async (replica) => baseBackup(primary, replica)));
  for (const { dir: nodeDir } of nodes) appendFileSync(join(nodeDir, 'data', 'postgresql.conf'), SYNCHRONOUS);
  await Promise.all(replicas.map((replica) => replica.start()));
  await primary.query('SELECT pg_reload_conf()');
  return new PostgresCluster(nodes);
}

/** Every node has the names of all, so that a promoted one needs no other settings; a node never is its own standby. */
const SYNCHRONOUS = `synchronous_standby_names = 'ANY 1 (pg_1, pg_2, pg_3)'\n`;

function configuration(fast: boolean): string {
  return [
    '',
    `listen_addresses = '127.0.0.1'`,
    'max_connections = 200',
    'shared_buffers = 64MB',
    'wal_level = replica',
    'max_wal_senders = 10',
    'wal_keep_size = 512MB',
    'hot_standby_feedback = on',
    'wal_receiver_status_interval = 1s',
    'wal_retrieve_retry_interval = 500ms',
    `recovery_target_timeline = 'latest'`,
    ...(fast ? ['fsync = off', 'full_page_writes = off'] : []),
    '',
  ].join('\n');
}

async function baseBackup(from: PostgresNode, to: PostgresNode): Promise<void> {
  const source = `host=127.0.0.1 port=${from.port} user=${DATABASE_USER} application_name=${to.name}`;
  const args = ['-d', source, '-D', join(to.dir, 'data'), '-R', '-X', 'stream', '-c', 'fast', '--no-sync'];
  await run(join(programs(), 'pg_basebackup'), args, { ...postgresAccount(), cwd: to.dir });
}

function programs(): string {
  const folder = postgresFolder();
  if (folder === undefined) throw new Error('no PostgreSQL server is installed');
  return folder;
}
