import { setTimeout as sleep } from 'node:timers/promises';

import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';

import type { GatewayConfig } from '../config/gateway-config.js';
import { loadConfig } from '../config/load-config.js';
import { type Database, openDatabase } from '../flows/database.js';
import { flowRoutes } from '../flows/flow-routes.js';
import { Health } from '../health/dependencies.js';
import { Forwarding } from '../proxy/forwarding.js';
import { Proxy, type ProxyDependencies } from '../proxy/proxy.js';
import { ResponseCache } from '../proxy/response-cache.js';
import { WebSockets } from '../proxy/web-sockets.js';
import type { Settings } from '../settings/read-settings.js';
import type { Log } from '../telemetry/log.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { Upstreams } from '../upstreams/upstreams.js';
import { createApp } from './app.js';
import { answerErrors } from './errors.js';
import { openRedis } from './open-redis.js';
import { Orchestration } from './orchestration.js';
import { guarded, ownEndpoints } from './own-endpoints.js';
import { Runtime } from './runtime.js';

/** Everything that one process of the gateway has. */
export class Gateway {
  readonly app: FastifyInstance;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #metrics: Metrics = createMetrics();
  readonly #upstreams: Upstreams;
  readonly #redis: Redis | undefined;
  readonly #database: Database | undefined;
  readonly #orchestration: Orchestration | undefined;
  readonly #health: Health;
  readonly #webSockets: WebSockets;
  #runtime: Runtime;
  #stopping = false;

  /** @throws ConfigError */
  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#upstreams = new Upstreams(this.#metrics);
    this.#redis = openRedis(settings, log);
    this.#runtime = this.#apply(loadConfig(settings.config, settings));
    const forwarding = new Forwarding(settings.trustedProxies, settings.appUrl);
    const runtime = (): Runtime => this.#runtime;
    if (settings.dbConnection === 'pgsql') {
      this.#database = openDatabase(settings, log);
      this.#orchestration = new Orchestration(
        settings,
        this.#database,
        this.#upstreams,
        runtime,
        this.#metrics,
        log,
      );
    }
    this.#health = new Health({
      database: this.#database,
      redis: this.#redis,
      rabbit: this.#orchestration?.rabbit,
      upstreams: this.#upstreams,
    });
    this.app = createApp(settings, log, () => this.#stopping);
    const proxying: ProxyDependencies = {
      runtime,
      upstreams: this.#upstreams,
      forwarding,
      cache: this.#redis && new ResponseCache(this.#redis),
      metrics: this.#metrics,
      via: settings.appName.replaceAll(/[^A-Za-z0-9._-]/g, '-'),
    };
    this.#webSockets = new WebSockets(proxying, log);
    this.#routes(proxying, forwarding, runtime);
  }

  /** Resolves with the address when it listens. */
  async start(): Promise<string> {
    this.#orchestration?.start();
    this.app.server.on('upgrade', this.#webSockets.upgrade);
    return this.app.listen({ host: this.#settings.host, port: this.#settings.port });
  }

  /** Reads the configuration again. What is wrong is told, and changes nothing. Requests that have begun end as they began. */
  reload(): void {
    const { config } = this.#settings;
    try {
      this.#runtime = this.#apply(loadConfig(config, this.#settings));
      this.#metrics.configReloads.add(1, { outcome: 'applied' });
      this.#log.info({ config }, 'configuration applied');
    } catch (error) {
      this.#metrics.configReloads.add(1, { outcome: 'refused' });
      this.#log.error(
        { config, problem: (error as Error).message },
        'configuration refused: the old one stays in force',
      );
    }
  }

  /** Ends in order: tells everybody to go elsewhere, takes no new requests, then ends what is under way, then connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { drainMs, shutdownMs } = this.#settings;
    await sleep(drainMs);
    const closing = this.app.close();
    this.#webSockets.close();
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, shutdownMs).unref())]);
    this.app.server.closeAllConnections();
    await this.#orchestration?.stop(shutdownMs);
    this.#health.close();
    await this.#upstreams.close();
    await this.#database?.end();
    this.#redis?.disconnect();
  }

  #apply(config: GatewayConfig): Runtime {
    // All that may fail comes first.
    const runtime = new Runtime(config, this.#settings.oauthClientSecret, this.#redis);
    const upstreams = this.#upstreams.prepare(config.upstreams);
    this.#upstreams.use(upstreams);
    this.#log.level = config.logLevel ?? this.#settings.logLevel;
    return runtime;
  }

  #routes(proxying: ProxyDependencies, forwarding: Forwarding, runtime: () => Runtime): void {
    const { app } = this;
    answerErrors(app, this.#settings.appDebug);
    ownEndpoints(app, {
      runtime,
      settings: this.#settings,
      health: this.#health,
      stopping: () => this.#stopping,
    });
    const orchestration = this.#orchestration;
    if (orchestration !== undefined)
      void app.register(async (scope) => {
        scope.addHook('onRequest', guarded(runtime, 'orchestrate').onRequest);
        flowRoutes(scope, { ...orchestration.routes, runtime, forwarding });
      });
    const proxy = new Proxy(proxying);
    void app.register(async (scope) => {
      // Bodies flow through, whatever they are.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.all('/*', (request, reply) => proxy.handle(request, reply));
    });
  }
}
