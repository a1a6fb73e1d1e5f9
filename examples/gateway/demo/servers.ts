import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import pg from 'pg';

import { freePort, idsOf, Program, programPath } from './program.js';

/** A server for a demo or a test, on a free port of 127.0.0.1, with data that end with it. */
export interface Server {
  readonly port: number;
  readonly program: Program;
  /** Ends it, and removes its data. */
  stop(): Promise<void>;
  /** Ends it with its data, to be started again by `restart`. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const SCRATCH = process.env['TMPDIR'] ?? tmpdir();

function folderFor(name: string, account?: string): string {
  const folder = mkdtempSync(join(SCRATCH, `gateway-${name}-`));
  chmodSync(folder, 0o755);
  const { uid, gid } = account === undefined ? {} : idsOf(account);
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

async function serve(
  folder: string,
  port: number,
  launch: () => Program,
  ready: () => Promise<unknown>,
): Promise<Server> {
  let program = launch();
  await program.until(ready);
  return {
    port,
    get program() {
      return program;
    },
    async kill() {
      await program.stop('SIGKILL');
    },
    async restart() {
      program = launch();
      await program.until(ready);
    },
    async stop() {
      await program.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function startRedis(): Promise<Server> {
  const command = programPath('redis-server', 'redis-server');
  const folder = folderFor('redis');
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  return serve(
    folder,
    port,
    () => new Program(command, { args }),
    async () => {
      const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.ping();
      } finally {
        client.disconnect();
      }
    },
  );
}

/** Debian keeps the server's programs off the PATH, one folder for each version. */
function postgresFolders(): string[] {
  try {
    return readdirSync('/usr/lib/postgresql')
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => `/usr/lib/postgresql/${version}/bin`);
  } catch {
    return [];
  }
}

/** With a user and a database `gateway`, without a password. */
export async function startPostgres(): Promise<Server> {
  const folders = postgresFolders();
  const initdb = programPath('initdb', 'postgresql', folders);
  const command = programPath('postgres', 'postgresql', folders);
  const folder = folderFor('postgres', 'postgres');
  const data = join(folder, 'data');
  execFileSync(initdb, ['--auth=trust', '--no-sync', '--username=gateway', '--pgdata', data], {
    ...idsOf('postgres'),
    stdio: 'pipe',
  });
  const port = await freePort();
  const args = [
    '-D',
    data,
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-k',
    folder,
    '-F',
    '-c',
    'max_connections=200',
  ];
  const server = await serve(
    folder,
    port,
    () => new Program(command, { args, account: 'postgres' }),
    () => query(port, 'postgres', 'SELECT 1'),
  );
  await query(port, 'postgres', 'CREATE DATABASE gateway');
  return server;
}

async function query(port: number, database: string, sql: string): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'gateway', database });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export async function startRabbitMq(): Promise<Server> {
  const command = programPath('rabbitmq-server', 'rabbitmq-server', ['/usr/lib/rabbitmq/bin']);
  const folder = folderFor('rabbitmq', 'rabbitmq');
  const [port, epmd, distribution] = [await freePort(), await freePort(), await freePort()];
  const conf = join(folder, 'rabbitmq.conf');
  const listen = [`listeners.tcp.1 = 127.0.0.1:${port}`, 'distribution.listener.interface = 127.0.0.1'];
  writeFileSync(conf, [...listen, 'log.console = true', ''].join('\n'));
  writeFileSync(join(folder, 'enabled_plugins'), '[].\n');
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    RABBITMQ_NODENAME: `gateway-${port}@localhost`,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_CONFIG_FILE: conf,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmd),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none',
  };
  const url = `amqp://127.0.0.1:${port}`;
  const server = await serve(
    folder,
    port,
    () => new Program(command, { env, cwd: folder, account: 'rabbitmq', group: true }),
    async () => {
      const connection = await connect(url, { timeout: 5000 });
      await connection.close();
    },
  ).catch((error: unknown) => {
    stopMapper(epmd);
    throw error;
  });
  // Erlang's port mapper is a daemon that outlives the server.
  return Object.assign(Object.create(server) as Server, {
    async stop() {
      await server.stop();
      stopMapper(epmd);
    },
  });
}

function stopMapper(port: number): void {
  try {
    execFileSync('epmd', ['-port', String(port), '-kill'], { stdio: 'pipe' });
  } catch {
    // It has ended already.
  }
}

/** One worker that hands everything to one service, over connections that stay open. */
export async function startNginx(base: string): Promise<Server> {
  const command = programPath('nginx', 'nginx');
  const folder = folderFor('nginx');
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const config = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr warn;
    events { worker_connections 1024; }
    http {
      access_log off; ${temporary.join(' ')} keepalive_requests 1000000;
      upstream service { server ${new URL(base).host}; keepalive 64; keepalive_requests 1000000; }
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }
      }
    }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  return serve(
    folder,
    port,
    () => new Program(command, { args: ['-c', join(folder, 'nginx.conf')], group: true }),
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      await response.arrayBuffer();
    },
  );
}

/** Scrapes one target each second, as job `gateway`. */
export async function startPrometheus(target: number, rules: readonly string[] = []): Promise<Server> {
  const command = programPath('prometheus', 'prometheus');
  const folder = folderFor('prometheus');
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [
      {
        job_name: 'gateway',
        params: { project: ['gateway'] },
        static_configs: [{ targets: [`127.0.0.1:${target}`] }],
      },
    ],
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  mkdirSync(join(folder, 'data'));
  const args = [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  return serve(
    folder,
    port,
    () => new Program(command, { args, cwd: folder }),
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/-/ready`);
      if (response.status !== 200) throw new Error('Prometheus is not ready');
    },
  );
}
