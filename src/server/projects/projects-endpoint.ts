import type { IncomingMessage, ServerResponse } from 'node:http';

import { reason } from '../../errors.js';
import { deadline } from '../../event-loop/deadline.js';
import type { ProjectSummary } from '../../store/store-reader.js';
import { version } from '../../version.js';
import type { AccessControl } from '../access/access-control.js';
import type { RefusalReason } from '../access/refusals.js';
import { PageEndpoint } from '../page-endpoint.js';
import { plainResponse } from '../plain-response.js';
import { OVERVIEW_TYPE, renderOverview } from './overview.js';
import type { ProjectDirectory } from './project-directory.js';
import { projectsText } from './projects-text.js';
import { type Discovery, discoveredTargets } from './service-discovery.js';

/** What is said of a project that does not exist, and of one that is not allowed. */
const NO_SUCH_PROJECT = 'There is no such project.\n';

/** Sizes are counted at most this often: that costs Redis three commands for each metric. */
const OVERVIEW_MS = 10_000;

/** How long `/readyz` waits for the store. */
const READY_MS = 2000;

export interface ProjectsEndpointOptions extends Discovery {
  readonly directory: ProjectDirectory;
  /** How a name, as it was given or as it stands in keys, stands in keys; undefined for what is no name. */
  readonly prefixOf: (name: string) => string | undefined;
  readonly access: AccessControl;
  /** Kind and place of the store, for the page. */
  readonly store: string;
}

/**
 * Answers for many projects: `/metrics?project=shop` and `/projects/shop/metrics`, `/metrics` with an overview of all, `/sd`
 * for Prometheus' HTTP service discovery, `/healthz`, `/readyz` and the live page at `/`. It never writes to the store.
 */
export class ProjectsEndpoint {
  readonly #options: ProjectsEndpointOptions;
  readonly #ofProject: RegExp;
  readonly #page: PageEndpoint;
  readonly #refused = new Map<RefusalReason, number>();
  #summaries: Promise<ProjectSummary[]> | undefined;
  #overviewMark = -Infinity;

  constructor(options: ProjectsEndpointOptions) {
    this.#options = options;
    this.#page = new PageEndpoint({ access: options.access, isOfMany: true });
    options.access.refusals.onRefused = (why, requests) =>
      this.#refused.set(why, (this.#refused.get(why) ?? 0) + requests);
    const path = options.metricsPath.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    this.#ofProject = new RegExp(`^/projects/(?<project>[^/]+)${path}$`);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
    if (!['GET', 'HEAD'].includes(request.method ?? '')) {
      plainResponse(response, 405, 'Method not allowed.\n', { Allow: 'GET, HEAD' });
      return;
    }
    if (pathname === '/healthz') return plainResponse(response, 200, 'ok\n');
    if (pathname === '/readyz') return this.#ready(request, response);
    if (pathname !== this.#options.metricsPath && this.#page.isFor(pathname, request))
      return this.#answerPage(request, response, searchParams);
    // Before the path is looked at: who is not let in learns nothing.
    if (!(await this.#options.access.admit(request, response, 'endpoint'))) return;
    const { metricsPath } = this.#options;
    const named = this.#ofProject.exec(pathname)?.groups?.['project'];
    const asked = searchParams.getAll('project');
    if (named !== undefined) return this.#scrape(decoded(named), request, response);
    if (pathname === metricsPath && asked.length > 0) return this.#scrape(asked[0], request, response);
    if (pathname === metricsPath) return this.#serveOverview(response);
    if (pathname === '/sd') return this.#discover(request, response);
    if (pathname === '/') return this.#list(response);
    plainResponse(response, 404, `Nothing here. See /sd, or ${metricsPath}?project=<name>.\n`);
  }

  async #scrape(name: string | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { directory, prefixOf } = this.#options;
    const prefix = name === undefined ? undefined : prefixOf(name);
    await orUnavailable(response, async () => {
      const project = prefix === undefined ? undefined : await directory.find(prefix);
      if (project === undefined) plainResponse(response, 404, NO_SUCH_PROJECT);
      else await project.scraper.serve(request, response);
    });
  }

  async #serveOverview(response: ServerResponse): Promise<void> {
    await orUnavailable(response, async () => {
      const text = renderOverview(await this.#summarized(), this.#refused);
      plainResponse(response, 200, text, { 'Content-Type': OVERVIEW_TYPE });
    });
  }

  #summarized(): Promise<ProjectSummary[]> {
    if (this.#summaries === undefined || performance.now() - this.#overviewMark > OVERVIEW_MS) {
      const summaries = this.#summarize();
      this.#summaries = summaries;
      this.#overviewMark = performance.now();
      summaries.catch(() => {
        if (this.#summaries === summaries) this.#summaries = undefined;
      });
    }
    return this.#summaries;
  }

  async #summarize(): Promise<ProjectSummary[]> {
    const summaries: ProjectSummary[] = [];
    for (const { reader } of await this.#options.directory.list()) {
      const summary = await reader.summary();
      if (summary !== undefined) summaries.push(summary);
    }
    return summaries;
  }

  async #discover(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await orUnavailable(response, async () => {
      const targets = discoveredTargets(await this.#options.directory.list(), request, this.#options);
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(`${JSON.stringify(targets, undefined, 2)}\n`);
    });
  }

  async #list(response: ServerResponse): Promise<void> {
    await orUnavailable(response, async () => {
      const text = projectsText(await this.#options.directory.list(), this.#options.metricsPath);
      plainResponse(response, 200, text, { Vary: 'Accept' });
    });
  }

  async #answerPage(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const { directory, prefixOf, store } = this.#options;
    await orUnavailable(response, () =>
      this.#page.answer(request, response, {
        project: async () => {
          const prefix = prefixOf(query.get('project') ?? '');
          const found = prefix === undefined ? undefined : await directory.find(prefix);
          if (found === undefined) plainResponse(response, 404, NO_SUCH_PROJECT);
          return found && (found.live ??= this.#page.open({ ...found, store }));
        },
        projects: async () => {
          const projects = (await directory.list()).map(({ prefix, project }) => ({ prefix, project }));
          return { version, store, projects };
        },
      }),
    );
  }

  /** Ready: the store answers. Why not is told to those who may read. */
  async #ready(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await deadline(this.#options.directory.list(), READY_MS, () => new Error('the store does not answer'));
      plainResponse(response, 200, 'ready\n');
    } catch (error) {
      const why = (await this.#options.access.mayRead(request, 'endpoint'))
        ? reason(error)
        : 'The store cannot be read.';
      plainResponse(response, 503, `${why}\n`);
    }
  }
}

/** 503 with the reason when the store cannot be read: Prometheus then keeps the targets that it knows, and `up` becomes 0. */
async function orUnavailable(response: ServerResponse, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (response.headersSent) response.destroy();
    else plainResponse(response, 503, `${reason(error)}\n`);
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
