import type { LiveProject } from './live-project.js';
import { type PageFile, readPageFiles } from './page-files.js';
import { FAMILIES, FAMILY, LIVE, PROJECTS, type ProjectsAnswer } from './protocol.js';
import { SharedJson } from './shared-json.js';
import { CONTENT_SECURITY_POLICY, shell, type ShellOptions } from './shell.js';

/** The part of a request that the page looks at. */
export interface PageRequest {
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Its header `If-None-Match`. */
  readonly known: string | undefined;
  readonly acceptsGzip: boolean;
}

export interface PageAnswer {
  readonly status: 200 | 304 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

const DAYS = 365;

/** For everything: nothing of it is for other sites, and nothing is what it does not say. */
const COMMON = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

/** The page itself: its files, and what it asks for. Who may have that is asked before. */
export class LivePage {
  #files: Promise<ReadonlyMap<string, PageFile>> | undefined;
  readonly #json = new WeakMap<LiveProject, SharedJson>();

  /** The page without any content. Rejects if its files are not there. */
  async shell(options: ShellOptions): Promise<PageAnswer> {
    const body = Buffer.from(shell(await this.#read(), options));
    return {
      status: 200,
      headers: {
        ...COMMON,
        'Content-Type': 'text/html; charset=utf-8',
        'Cache-Control': 'no-store',
        'Content-Security-Policy': CONTENT_SECURITY_POLICY,
        'Cross-Origin-Opener-Policy': 'same-origin',
        Vary: 'Accept',
      },
      body,
    };
  }

  /** A file of the page; undefined if the request is for something else. */
  async file({ path, query, known, acceptsGzip }: PageRequest): Promise<PageAnswer | undefined> {
    const name = /^\/page\/([^/]+)$/.exec(path)?.[1];
    const file = name === undefined ? undefined : (await this.#read()).get(name);
    if (file === undefined) return undefined;
    const etag = `"${file.hash}"`;
    const isPinned = query.get('v') === file.hash;
    const headers = {
      ...COMMON,
      'Content-Type': file.type,
      'Cache-Control': isPinned ? `public, max-age=${DAYS * 86_400}, immutable` : 'no-cache',
      Vary: 'Accept-Encoding',
      ETag: etag,
      ...(acceptsGzip && { 'Content-Encoding': 'gzip' }),
    };
    if (known === etag) return { status: 304, headers, body: NOTHING };
    return { status: 200, headers, body: acceptsGzip ? file.gzip : file.plain };
  }

  /** What the page asks for about one project; undefined if the request is for something else. */
  async data(request: PageRequest, project: LiveProject): Promise<PageAnswer | undefined> {
    const { query } = request;
    const what = request.path.slice(1);
    if (![LIVE, FAMILIES, FAMILY].includes(what)) return undefined;
    const sampling = await project.look();
    const version = `${sampling.id}.${sampling.last}`;
    const etag = `"${version}"`;
    if (request.known === etag) return { status: 304, headers: { ...UNCACHED, ETag: etag }, body: NOTHING };
    const json = this.#jsonOf(project);
    if (what === LIVE) {
      const after = query.get('history') === sampling.id ? rowNumber(query.get('after'), sampling.last) : 0;
      return ok(await json.get(version, `${after}`, () => sampling.answer(after), request.acceptsGzip), etag);
    }
    if (what === FAMILIES)
      return ok(await json.get(version, 'families', () => sampling.families(), request.acceptsGzip), etag);
    const family = await sampling.family(query.get('name') ?? '');
    if (family === undefined) return { status: 404, headers: UNCACHED, body: Buffer.from('null') };
    return ok(await json.get(version, `family ${family.name}`, () => family, request.acceptsGzip), etag);
  }

  /** The list of projects; undefined if the request is for something else. */
  async projects(
    { path, acceptsGzip }: PageRequest,
    list: () => Promise<ProjectsAnswer>,
  ): Promise<PageAnswer | undefined> {
    if (path.slice(1) !== PROJECTS) return undefined;
    return ok(await new SharedJson().get('', '', list, acceptsGzip));
  }

  #read(): Promise<ReadonlyMap<string, PageFile>> {
    if (this.#files === undefined) {
      const files = readPageFiles();
      this.#files = files;
      files.catch(() => (this.#files = undefined));
    }
    return this.#files;
  }

  #jsonOf(project: LiveProject): SharedJson {
    let json = this.#json.get(project);
    if (json === undefined) this.#json.set(project, (json = new SharedJson()));
    return json;
  }
}

const UNCACHED = { ...COMMON, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

function ok(
  { body, isZipped }: { readonly body: Buffer; readonly isZipped: boolean },
  etag?: string,
): PageAnswer {
  return {
    status: 200,
    headers: {
      ...UNCACHED,
      Vary: 'Accept-Encoding',
      ...(etag !== undefined && { ETag: etag }),
      ...(isZipped && { 'Content-Encoding': 'gzip' }),
    },
    body,
  };
}

/** 0, all rows, for what is no row that there was. */
function rowNumber(text: string | null, last: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 && number <= last ? number : 0;
}
