import type { IncomingMessage, ServerResponse } from 'node:http';

import type * as LivePageModule from '../page/live-page.js';
import type { LivePage, PageAnswer, PageRequest } from '../page/live-page.js';
import type * as LiveProjectModule from '../page/live-project.js';
import type { LiveProject, LiveSource, LiveTiming } from '../page/live-project.js';
import type { ProjectsAnswer } from '../page/protocol.js';
import { acceptsGzip } from '../prometheus/negotiate.js';
import type { AccessControl } from './access/access-control.js';
import { isForeign } from './access/foreign-origin.js';
import { version } from '../version.js';
import { plainResponse } from './plain-response.js';
import type { Scraper } from './scrape/scraper.js';

/** Asks a browser for a name and a password, where the page itself would ask for a token. */
const SIGN_IN = 'sign-in';

export interface PageEndpointOptions {
  readonly access: AccessControl;
  /** Whether one of many projects can be chosen. */
  readonly isOfMany: boolean;
}

const NOTHING_HERE =
  'Nothing here, or the files of the page are not installed. GET / with curl says what there is.\n';

/** A project for the page: its names and its store as {@link LiveSource} has them, and where its numbers are read. */
export interface PageProject extends Pick<LiveSource, 'project' | 'prefix' | 'store'> {
  readonly scraper: Scraper;
}

/** What the page shows; asked for when the request may have it. */
export interface PageContent {
  /** Of the project that the request names; undefined if there is none, or it has been answered. */
  readonly project: () => Promise<LiveProject | undefined>;
  readonly projects?: () => Promise<ProjectsAnswer>;
}

/** The live page on a server: `/` for a browser, and everything below `/page/`. Loaded when somebody looks. */
export class PageEndpoint {
  readonly #options: PageEndpointOptions;
  #page: LivePage | undefined;

  constructor(options: PageEndpointOptions) {
    this.#options = options;
  }

  /** A project for the page, which costs nothing until somebody looks at it. */
  open({ project, prefix, store, scraper }: PageProject, timing: Partial<LiveTiming> = {}): LiveProject {
    const { LiveProject: Project } = require('../page/live-project.js') as typeof LiveProjectModule;
    const { exposition } = scraper;
    return new Project({ project, prefix, store, version, read: () => scraper.read(), exposition }, timing);
  }

  /** Whether a request is for the page. At `/` other clients than browsers get text. */
  isFor(target: string, { headers, method }: IncomingMessage): boolean {
    if (method !== 'GET' && method !== 'HEAD') return false;
    return target.startsWith('/page/') || (target === '/' && (headers.accept ?? '').includes('text/html'));
  }

  /**
   * Answers a request that is for the page. The page without content and its files are for everyone where it asks for the token
   * itself; else the browser asks before it gets them.
   */
  async answer(request: IncomingMessage, response: ServerResponse, content: PageContent): Promise<void> {
    const asked = pageRequest(request);
    const { access } = this.#options;
    const asksInPage = access.asksInPage(request) && !asked.query.has(SIGN_IN);
    const empty = await this.#empty(asked, asksInPage);
    const isEmpty = asked.path === '/' || empty !== undefined;
    if (isEmpty && asksInPage) return this.#send(request, response, empty);
    if (isForeign(request)) {
      access.refusals.note('origin', request.socket.remoteAddress);
      plainResponse(response, 403, 'A page of another origin may not ask for this.\n');
      return;
    }
    const admitted = isEmpty
      ? await access.admit(request, response, 'endpoint')
      : await access.admitPage(request, response);
    if (!admitted) return;
    const answer = isEmpty ? empty : await this.#data(asked, content);
    if (!response.headersSent) this.#send(request, response, answer);
  }

  /** The page without content, or one of its files; undefined for anything else. */
  async #empty(asked: PageRequest, needsToken: boolean): Promise<PageAnswer | undefined> {
    const { access, isOfMany } = this.#options;
    const page =
      asked.path === '/'
        ? this.#load().shell({ isOfMany, needsToken, takesUsers: access.takesUsers })
        : this.#load().file(asked);
    // An application that is a bundle has the code, and not the files.
    return page.catch(() => undefined);
  }

  async #data(asked: PageRequest, { project, projects }: PageContent): Promise<PageAnswer | undefined> {
    const list = projects && (await this.#load().projects(asked, projects));
    if (list !== undefined) return list;
    const live = await project();
    return live && this.#load().data(asked, live);
  }

  #send({ method }: IncomingMessage, response: ServerResponse, answer: PageAnswer | undefined): void {
    if (answer === undefined) return plainResponse(response, 404, NOTHING_HERE);
    response.writeHead(answer.status, answer.headers);
    response.end(method === 'HEAD' ? undefined : answer.body);
  }

  /** The first time somebody looks: until then a process has none of it in memory. */
  #load(): LivePage {
    if (this.#page === undefined) {
      const { LivePage: Page } = require('../page/live-page.js') as typeof LivePageModule;
      this.#page = new Page();
    }
    return this.#page;
  }
}

function pageRequest({ url = '/', headers }: IncomingMessage): PageRequest {
  const query = url.indexOf('?');
  const encoding = headers['accept-encoding'];
  return {
    path: query === -1 ? url : url.slice(0, query),
    query: new URLSearchParams(query === -1 ? '' : url.slice(query + 1)),
    known: headers['if-none-match'],
    acceptsGzip: acceptsGzip(
      typeof encoding === 'object' ? (encoding as readonly string[]).join(', ') : encoding,
    ),
  };
}
