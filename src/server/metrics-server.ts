import type { IncomingMessage, ServerResponse } from 'node:http';

import type { HealthReport } from '../application/health-checks.js';
import type { Endpoint } from './endpoint/endpoint.js';
import { landingText } from './landing-text.js';
import { type ProjectNames, refuseOtherProject } from './other-project.js';
import type { LiveProject, LiveTiming } from '../page/live-project.js';
import { PageEndpoint } from './page-endpoint.js';
import { plainResponse } from './plain-response.js';
import { introduce, PROJECT_HEADER } from './port/introduction.js';
import { SharedPort, type SharedPortOptions } from './port/shared-port.js';
import type { Scraper } from './scrape/scraper.js';
import { answerWipe } from './wipe.js';

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

export interface MetricsServerOptions
  extends ProjectNames, Omit<SharedPortOptions, 'createServer' | 'proof' | 'isClosed' | 'tls'> {
  /** Path of the exposition. */
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly scraper: Scraper;
  /** The reason why this process is not ready; undefined when it is. */
  readonly notReady: () => string | undefined;
  /** The answer of `/health`. */
  readonly health: () => Promise<HealthAnswer>;
  /** How often the page's numbers are taken, and what they are over. */
  readonly pageTiming?: Partial<LiveTiming>;
  /** Deletes all data of the project. */
  readonly wipe: () => Promise<void>;
}

/**
 * Serves `/metrics`, `/health`, `/healthz`, `/readyz`, `/wipe-metrics` and the live page at `/`. One process of a host has the port; the
 * others wait for it. Neither the server nor its connections keep the process alive.
 */
export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #port: SharedPort;
  readonly #page: PageEndpoint;
  #live: LiveProject | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    const { host, port, prefix, store, elsewhere, warn, patienceMs, endpoint } = options;
    this.#page = new PageEndpoint({ access: endpoint.access, isOfMany: false });
    this.#port = new SharedPort({
      // `localhost` alone may mean only ::1; a scrape of 127.0.0.1 would be refused.
      host: host === 'localhost' ? '127.0.0.1' : host,
      port,
      prefix,
      store,
      elsewhere,
      createServer: () => endpoint.createServer((request, response) => this.#answer(request, response)),
      tls: endpoint.scheme === 'https',
      proof: endpoint.access.portProof,
      isClosed: endpoint.access.isRequired,
      warn,
      patienceMs,
    });
    this.#port.whenListening(() => endpoint.warnIfOpen(this.#port.address?.port ?? port));
  }

  /** Where this process serves; undefined while another one does. */
  get url(): string | undefined {
    const { address } = this.#port;
    const { endpoint, path } = this.#options;
    return address && `${endpoint.scheme}://${bracketed(address.address)}:${address.port}${path}`;
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
    this.#live?.end();
    await this.#port.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { access } = this.#options.endpoint;
    const target = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (target !== this.#options.path && this.#page.isFor(target, request))
      return this.#answerPage(request, response);
    if (isRead(request) && (target === '/healthz' || target === '/readyz')) {
      if (!(await access.mayRead(request, 'endpoint')))
        return this.#answerStranger(target, request, response);
    } else if (target === '/wipe-metrics' && request.method === 'POST' && access.canWipe) {
      return answerWipe(request, response, this.#options);
    } else if (!(await access.admit(request, response, 'endpoint'))) return;
    response.setHeader(PROJECT_HEADER, this.#options.prefix);
    if (refuseOtherProject(request, response, this.#options)) return;
    await this.#answerKnown(target, request, response);
  }

  #answerPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#page.answer(request, response, {
      project: async () => {
        response.setHeader(PROJECT_HEADER, this.#options.prefix);
        if (refuseOtherProject(request, response, this.#options)) return undefined;
        const { project, prefix, store, scraper, pageTiming } = this.#options;
        return (this.#live ??= this.#page.open({ project, prefix, store, scraper }, pageTiming));
      },
    });
  }

  /** Whether this process lives, whether it is ready, and nothing else. */
  async #answerStranger(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (target === '/healthz') {
      plainResponse(response, 200, 'ok\n', await introduce(request, this.#options, 'stranger'));
    } else if (this.#options.notReady() === undefined) plainResponse(response, 200, 'ready\n');
    else plainResponse(response, 503, 'not ready\n');
  }

  async #answerKnown(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, prefix, scraper, notReady, health } = this.#options;
    if (target === '/wipe-metrics') {
      if (request.method === 'POST')
        plainResponse(response, 403, 'Wiping is off. Set ORCHESTRATOR_WIPE_TOKEN to allow it.\n');
      else plainResponse(response, 405, 'Method not allowed.\n', { Allow: 'POST' });
    } else if (!isRead(request)) {
      plainResponse(response, 405, 'Method not allowed.\n', { Allow: 'GET, HEAD' });
    } else if (target === path) {
      await scraper.serve(request, response);
    } else if (target === '/healthz') {
      plainResponse(response, 200, 'ok\n', await introduce(request, this.#options, 'known'));
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
      plainResponse(response, 200, landingText(prefix, path), { Vary: 'Accept' });
    } else {
      plainResponse(response, 404, `Nothing here. The metrics are at ${path}.\n`);
    }
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
