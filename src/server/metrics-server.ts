import { timingSafeEqual, createHash } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';

import { reason } from '../errors.js';
import type { HealthReport } from '../application/health-checks.js';
import { landingPage } from './landing-page.js';
import { type ProjectNames, refuseOtherProject } from './other-project.js';
import { plainResponse } from './plain-response.js';
import { limitConnections } from './port/connection-limit.js';
import { PROCESS_HEADER, PROJECT_HEADER, STORE_HEADER } from './port/port-holder.js';
import { SharedPort, type SharedPortOptions } from './port/shared-port.js';
import type { Scraper } from './scrape/scraper.js';

/** Open at the same time; more end the one that has waited longest. */
const MAX_CONNECTIONS = 256;

/** The JSON of `/health`: 200, or 503 when a critical check of the application is down. */
export interface HealthAnswer extends HealthReport {
  readonly store: {
    readonly description: string;
    readonly status: 'up' | 'down';
    readonly error?: string;
    /** Milliseconds since the store last confirmed a flush of this process. */
    readonly lagMs?: number;
    readonly pendingSeries: number;
  };
  /** Live instances of the project; absent while the store cannot be read. */
  readonly instances?: number;
}

export interface MetricsServerOptions extends ProjectNames, Omit<SharedPortOptions, 'createServer'> {
  /** Path of the exposition. */
  readonly path: string;
  readonly scraper: Scraper;
  /** The reason why this process is not ready; undefined when it is. */
  readonly notReady: () => string | undefined;
  /** The answer of `/health`. */
  readonly health: () => Promise<HealthAnswer>;
  /** Deletes all data of the project. */
  readonly wipe: () => Promise<void>;
  /** Without it wiping is off. */
  readonly wipeToken?: string | undefined;
}

/**
 * Serves `/metrics`, `/health`, `/healthz`, `/readyz`, `/wipe-metrics` and `/`. One process of a host has the port; the
 * others wait for it. Neither the server nor its connections keep the process alive.
 */
export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #port: SharedPort;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    const { host, port, prefix, store, elsewhere, warn, patienceMs } = options;
    this.#port = new SharedPort({
      // `localhost` alone may mean only ::1; a scrape of 127.0.0.1 would be refused.
      host: host === 'localhost' ? '127.0.0.1' : host,
      port,
      prefix,
      store,
      elsewhere,
      createServer: () => this.#createServer(),
      warn,
      patienceMs,
    });
  }

  /** Where this process serves; undefined while another one does. */
  get url(): string | undefined {
    const { address } = this.#port;
    return address && `http://${bracketed(address.address)}:${address.port}${this.#options.path}`;
  }

  /** Serves, or waits for the port. Can be called late: until then the port is left to others. */
  listen(): void {
    this.#port.listen();
  }

  /** Calls back once, when this process has begun to serve. */
  whenServing(told: () => void): void {
    this.#port.whenListening(told);
  }

  async close(): Promise<void> {
    await this.#port.close();
  }

  #createServer(): Server {
    const server = createServer(
      {
        requestTimeout: 10_000,
        headersTimeout: 5000,
        keepAliveTimeout: 75_000,
        connectionsCheckingInterval: 5000,
      },
      (request, response) => {
        this.#answer(request, response).catch(() => response.destroy());
      },
    );
    limitConnections(server, MAX_CONNECTIONS);
    server.on('connection', (socket) => socket.unref());
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, prefix, scraper, notReady, health } = this.#options;
    response.setHeader(PROJECT_HEADER, prefix);
    if (refuseOtherProject(request, response, this.#options)) return;
    const target = (request.url ?? '/').split('?', 1)[0];
    const wiping = target === '/wipe-metrics';
    if (!(wiping ? ['POST'] : ['GET', 'HEAD']).includes(request.method ?? '')) {
      plainResponse(response, 405, 'Method not allowed.\n', { Allow: wiping ? 'POST' : 'GET, HEAD' });
    } else if (wiping) {
      await this.#wipe(request, response);
    } else if (target === path) {
      await scraper.serve(request, response);
    } else if (target === '/healthz') {
      plainResponse(response, 200, 'ok\n', isOfThisHost(request) ? this.#introduction() : {});
    } else if (target === '/readyz') {
      const why = notReady();
      plainResponse(response, why === undefined ? 200 : 503, why === undefined ? 'ready\n' : `${why}\n`);
    } else if (target === '/health') {
      const answer = await health();
      response.writeHead(answer.status === 'down' ? 503 : 200, {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
      });
      response.end(`${JSON.stringify(answer)}\n`);
    } else if (target === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
      response.end(landingPage(prefix, path));
    } else {
      plainResponse(response, 404, `Nothing here. The metrics are at ${path}.\n`);
    }
  }

  /** For a process that found the port taken. */
  #introduction(): OutgoingHttpHeaders {
    return { [PROCESS_HEADER]: process.pid, [STORE_HEADER]: encodeURIComponent(this.#options.store) };
  }

  async #wipe(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { wipeToken, wipe, prefix } = this.#options;
    if (wipeToken === undefined) {
      plainResponse(response, 403, 'Wiping is off. Set ORCHESTRATOR_WIPE_TOKEN to allow it.\n');
      return;
    }
    if (!sameSecret(request.headers.authorization ?? '', `Bearer ${wipeToken}`)) {
      plainResponse(response, 401, 'Wrong or missing token.\n', { 'WWW-Authenticate': 'Bearer' });
      return;
    }
    try {
      await wipe();
      plainResponse(response, 200, `All metrics of "${prefix}" are deleted.\n`);
    } catch (error) {
      plainResponse(response, 503, `${reason(error)}\n`);
    }
  }
}

function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isOfThisHost({ socket }: IncomingMessage): boolean {
  return socket.remoteAddress !== undefined && socket.remoteAddress === socket.localAddress;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
