import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { request } from 'undici';

import { eventually } from './eventually.js';
import { RABBITMQ_FOLDERS } from './needs.js';
import { freePort } from './ports.js';
import { accountOf, findProgram, Program } from './program.js';

const START_MS = 120_000;

/** A RabbitMQ of our own with its management API, in a folder of its own. */
export class RabbitMq {
  readonly #port: number;
  readonly #managementPort: number;
  readonly #dir: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #epmd: Program;
  #server: Program | undefined;

  private constructor(
    dir: string,
    ports: { amqp: number; management: number; epmd: number; distribution: number },
  ) {
    this.#dir = dir;
    this.#port = ports.amqp;
    this.#managementPort = ports.management;
    this.#env = {
      PATH: process.env['PATH'],
      HOME: dir,
      RABBITMQ_NODENAME: `daily${ports.amqp}@localhost`,
      RABBITMQ_BASE: dir,
      RABBITMQ_MNESIA_BASE: join(dir, 'data'),
      RABBITMQ_LOG_BASE: join(dir, 'log'),
      RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(dir, 'rabbitmq-env.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
      RABBITMQ_DIST_PORT: String(ports.distribution),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1} ' +
        // Numbers of quorum queues in the management API are otherwise 5 s old.
        '-rabbit quorum_tick_interval 1000',
      // The script replaces itself by the server, so that signals reach it.
      RUNNING_UNDER_SYSTEMD: 'true',
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(ports.epmd),
    };
    this.#epmd = new Program(
      'epmd',
      findProgram('epmd') ?? 'epmd',
      ['-address', '127.0.0.1', '-port', String(ports.epmd)],
      { env: this.#env, cwd: dir, account: accountOf('rabbitmq') },
    );
  }

  static async start(parent: string): Promise<RabbitMq> {
    const dir = join(parent, 'rabbitmq');
    mkdirSync(dir);
    const ports = {
      amqp: await freePort(),
      management: await freePort(),
      epmd: await freePort(),
      distribution: await freePort(),
    };
    writeFileSync(
      join(dir, 'rabbitmq.conf'),
      [
        `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
        'management.tcp.ip = 127.0.0.1',
        `management.tcp.port = ${ports.management}`,
        'collect_statistics_interval = 1000',
        'log.console = false',
        'disk_free_limit.absolute = 50MB',
      ].join('\n'),
    );
    writeFileSync(join(dir, 'rabbitmq-env.conf'), '');
    writeFileSync(join(dir, 'enabled_plugins'), '[rabbitmq_management].\n');
    const account = accountOf('rabbitmq');
    if (account !== undefined) chownSync(dir, account.uid, account.gid);
    const broker = new RabbitMq(dir, ports);
    await broker.begin();
    return broker;
  }

  url(virtualHost = '/'): string {
    return `amqp://guest:guest@127.0.0.1:${this.#port}/${virtualHost === '/' ? '' : encodeURIComponent(virtualHost)}`;
  }

  get managementUrl(): string {
    return `http://guest:guest@127.0.0.1:${this.#managementPort}`;
  }

  async begin(): Promise<void> {
    const server = new Program(
      'rabbitmq-server',
      findProgram('rabbitmq-server', RABBITMQ_FOLDERS) ?? '',
      [],
      {
        env: this.#env,
        cwd: this.#dir,
        account: accountOf('rabbitmq'),
      },
    );
    this.#server = server;
    await eventually(async () => {
      server.assertRunning();
      await api(this.managementUrl, 'GET', '/api/aliveness-test/%2F');
    }, START_MS);
  }

  /** `SIGTERM` is a shutdown, `SIGKILL` a crash. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#server?.stop(signal);
  }

  async end(): Promise<void> {
    await this.stop('SIGKILL');
    await this.#epmd.stop('SIGKILL');
  }
}

/** A new virtual host. Answers its AMQP URL. */
export async function createVirtualHost(url: string, managementUrl: string, name: string): Promise<string> {
  await api(managementUrl, 'PUT', `/api/vhosts/${encodeURIComponent(name)}`);
  const everything = { configure: '.*', write: '.*', read: '.*' };
  await api(managementUrl, 'PUT', `/api/permissions/${encodeURIComponent(name)}/guest`, everything);
  const made = new URL(url);
  made.pathname = `/${encodeURIComponent(name)}`;
  return made.href;
}

export async function deleteVirtualHost(managementUrl: string, name: string): Promise<void> {
  await api(managementUrl, 'DELETE', `/api/vhosts/${encodeURIComponent(name)}`);
}

async function api(
  managementUrl: string,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<void> {
  const { origin, username, password } = new URL(managementUrl);
  const { statusCode, body: answer } = await request(`${origin}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
}
