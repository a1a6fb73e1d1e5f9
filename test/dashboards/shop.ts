import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { PRELOAD, startProgram, type AppProcess, type Environment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startPostgres } from '../helpers/postgres.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { get } from '../helpers/scrape.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';

/** The demo application of `examples/`, run from the checkout. */
export const SHOP_FOLDER: string = join(PACKAGE_ROOT, 'examples', 'app');

export interface ShopOptions {
  /** Web processes. */
  readonly webs: number;
  /** Added to the environment of all processes. */
  readonly env?: Environment;
}

/** The demo application as it runs in `examples/stack`: web processes, a worker, a report, visitors. */
export class Shop {
  readonly redis: RedisServer;
  readonly webs: readonly AppProcess[];
  /** Of each web process: its application and its metrics. */
  readonly ports: ReadonlyArray<{ readonly app: number; readonly metrics: number }>;
  readonly #owner: Owner;
  readonly #env: Environment;

  constructor(
    owner: Owner,
    env: Environment,
    redis: RedisServer,
    started: ReadonlyArray<{ readonly process: AppProcess; readonly app: number; readonly metrics: number }>,
  ) {
    this.#owner = owner;
    this.#env = env;
    this.redis = redis;
    this.webs = started.map(({ process }) => process);
    this.ports = started.map(({ app, metrics }) => ({ app, metrics }));
  }

  /** The metrics port of the first web process. */
  get metricsPort(): number {
    const [first] = this.ports;
    if (first === undefined) throw new Error('a shop without web processes has no metrics port');
    return first.metrics;
  }

  /** Runs one of the application's scripts beside the web processes. */
  run(script: string, args: readonly string[] = [], env: Environment = {}): AppProcess {
    return startProgram(this.#owner, process.execPath, ['--require', PRELOAD, script, ...args], {
      cwd: SHOP_FOLDER,
      env: { ...this.#env, OTEL_EXPORTER_PROMETHEUS_PORT: '0', ...env },
    });
  }

  /** Visitors that come through a port; they are not a part of the project. */
  visit(port: number, perSecond: number, faultEvery = 40): AppProcess {
    return startProgram(
      this.#owner,
      process.execPath,
      ['traffic.js', `http://127.0.0.1:${port}`, String(perSecond), String(faultEvery)],
      { cwd: SHOP_FOLDER },
    );
  }
}

/** Starts Redis, PostgreSQL and the shop. Resolves when all web processes answer. */
export async function startShop(owner: Owner, options: ShopOptions): Promise<Shop> {
  const [redis, database] = await Promise.all([startRedis(owner), startPostgres(owner)]);
  const env: Environment = {
    // So that `require('@org/orchestrator')` finds this checkout from the folder of the application.
    NODE_PATH: packageFolder(owner),
    DATABASE_URL: database,
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_REDIS_URL: redis.url,
    ORCHESTRATOR_HTTP_METRIC_NAMES: 'semconv,prometheus-net',
    OTEL_SERVICE_NAME: 'shop',
    OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.4.0',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    ...options.env,
  };
  const started = [];
  for (let index = 0; index < options.webs; index++) {
    const ports = { app: await freePort(), metrics: await freePort() };
    const process = startWeb(owner, env, ports);
    started.push({ process, ...ports });
    await eventually(async () => {
      if (!process.running) throw new Error(`the shop has ended:\n${process.stdout}${process.stderr}`);
      await get(ports.app, '/healthz');
    });
  }
  return new Shop(owner, env, redis, started);
}

function startWeb(
  owner: Owner,
  env: Environment,
  ports: { readonly app: number; readonly metrics: number },
): AppProcess {
  return startProgram(owner, process.execPath, ['--require', PRELOAD, 'web.js'], {
    cwd: SHOP_FOLDER,
    env: { ...env, PORT: String(ports.app), OTEL_EXPORTER_PROMETHEUS_PORT: String(ports.metrics) },
  });
}

function packageFolder(owner: Owner): string {
  const dir = scratchDir(owner, 'modules');
  mkdirSync(join(dir, '@org'));
  symlinkSync(PACKAGE_ROOT, join(dir, '@org', 'orchestrator'));
  return dir;
}
