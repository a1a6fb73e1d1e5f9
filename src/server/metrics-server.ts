import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { reason } from '../errors.js';
import { markOwnServer, ownAgent, withoutSpans } from '../own-traffic/own-traffic.js';
import type { HealthReport } from '../application/health-checks.js';
import { landingPage } from './landing-page.js';
import { plainResponse } from './plain-response.js';
import type { Scraper } from './scrape/scraper.js';
import { type Warn, warning } from '../warnings.js';

/** How often a process asks for a port that another one has: a successor serves within a second or two. */
const TAKEOVER_MS = 1000;

/** A taken port is asked for its project at each of the first attempts to get it, and later at every thirtieth: half a minute. */
const ASK_FIRST = 3;
const ASK_EVERY = 30;

/** Tells the processes of one project from those of another on the same port. */
const PROJECT_HEADER = 'x-orchestrator-project';

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

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  /** Path of the exposition. */
  readonly path: string;
  /** The project's prefix. */
  readonly prefix: string;
  readonly scraper: Scraper;
  /** The reason why this process is not ready; undefined when it is. */
  readonly notReady: () => string | undefined;
  /** The answer of `/health`. */
  readonly health: () => Promise<HealthAnswer>;
  /** Deletes all data of the project. */
  readonly wipe: () => Promise<void>;
  /** Without it wiping is off. */
  readonly wipeToken?: string | undefined;
  readonly warn: Warn;
}

/**
 * Serves `/metrics`, `/health`, `/healthz`, `/readyz`, `/wipe-metrics` and `/`. One process of a host has the port; each
 * of the others asks again until it is free. Neither the server nor its connections keep the process alive.
 */
export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #host: string;
  #server: Server | undefined;
  #retry: NodeJS.Timeout | undefined;
  #complaint: string | undefined;
  /** Attempts to get a port that is taken. */
  #attempts = 0;
  /** Questions in a row that the port's holder did not answer. */
  #unanswered = 0;
  #closed = false;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    // `localhost` alone may mean only ::1; a scrape of 127.0.0.1 would be refused.
    this.#host = options.host === 'localhost' ? '127.0.0.1' : options.host;
  }

  /** Where this process serves; undefined while another one does. */
  get url(): string | undefined {
    const address = this.#server?.address();
    return isAddress(address)
      ? `http://${bracketed(address.address)}:${address.port}${this.#options.path}`
      : undefined;
  }

  listen(): void {
    if (this.#closed) return;
    const { port } = this.#options;
    const server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 75_000 },
      (request, response) => {
        this.#answer(request, response).catch(() => response.destroy());
      },
    );
    this.#server = server;
    markOwnServer(server);
    server.maxConnections = 256;
    server.on('connection', (socket) => socket.unref());
    server.on('error', (error: NodeJS.ErrnoException) => {
      server.close();
      this.#server = undefined;
      this.#failed(error);
    });
    // In a cluster worker `exclusive` keeps the port out of the primary's hands, which would spread scrapes over workers.
    server.listen({ host: this.#host, port, exclusive: true });
    server.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#closed) return;
    if (error.code === 'EADDRINUSE') {
      const attempt = this.#attempts++;
      if (attempt < ASK_FIRST || attempt % ASK_EVERY === 0) this.#whoServes();
    } else this.#complain(...warning('ORCHESTRATOR_CANNOT_LISTEN', { error }));
    this.#retry = setTimeout(() => this.listen(), TAKEOVER_MS);
    this.#retry.unref();
  }

  /** A port that another process of the project has is no error; anyone else on it is, for nobody would see this project. */
  #whoServes(): void {
    const { port, prefix } = this.#options;
    const asked = { host: this.#host, port, path: '/healthz', agent: ownAgent, timeout: 2000 };
    const request = withoutSpans(() => get(asked));
    request.on('socket', (socket) => socket.unref());
    request.on('timeout', () => request.destroy());
    const belongsTo = (owner: string): void =>
      this.#complain(...warning('ORCHESTRATOR_PORT_TAKEN', { port, owner, prefix }));
    request.on('error', () => {
      // Once or twice may be a process of ours that is busy or about to end; a program that speaks no HTTP goes on so.
      if (++this.#unanswered === ASK_FIRST) belongsTo('another program');
    });
    request.on('response', (response) => {
      this.#unanswered = 0;
      response.resume();
      const owner = response.headers[PROJECT_HEADER];
      if (owner === prefix) return;
      belongsTo(owner === undefined ? 'another program' : `the project "${String(owner)}"`);
    });
  }

  #complain(...[message, code]: Parameters<Warn>): void {
    if (this.#complaint === message) return;
    this.#complaint = message;
    this.#options.warn(message, code);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, prefix, scraper, notReady, health } = this.#options;
    response.setHeader(PROJECT_HEADER, prefix);
    const target = (request.url ?? '/').split('?', 1)[0];
    const wiping = target === '/wipe-metrics';
    if (!(wiping ? ['POST'] : ['GET', 'HEAD']).includes(request.method ?? '')) {
      plainResponse(response, 405, 'Method not allowed.\n', { Allow: wiping ? 'POST' : 'GET, HEAD' });
    } else if (wiping) {
      await this.#wipe(request, response);
    } else if (target === path) {
      await scraper.serve(request, response);
    } else if (target === '/healthz') {
      plainResponse(response, 200, 'ok\n');
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

function isAddress(address: AddressInfo | string | null | undefined): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
