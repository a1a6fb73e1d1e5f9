import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { reason } from '../errors.js';
import type { Exposition, Rendered } from '../prometheus/exposition.js';
import { acceptsGzip } from '../prometheus/negotiate.js';
import { deadline } from '../store/deadline.js';
import type { Snapshot } from '../store/metric-store.js';

/** Prometheus' own default, for scrapers that do not say how long they wait. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** The answer has to be on its way before the scraper gives up. */
const TIMEOUT_SHARE = 0.9;

/** 7 ms instead of 24 at level 6 for an exposition of 5.5 MB, which becomes 16 % larger; off the main thread either way. */
const GZIP_LEVEL = 1;

/** Answers scrapes; those that come while the store is being read share that read. */
export class Scraper {
  readonly #read: () => Promise<Snapshot>;
  readonly #exposition: Exposition;
  #reading: Promise<Snapshot> | undefined;

  constructor(read: () => Promise<Snapshot>, exposition: Exposition) {
    this.#read = read;
    this.#exposition = exposition;
  }

  /** Rejects with the reason when the store cannot be read in time. `accept`: the header of the request. */
  async collect(accept: string | undefined, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Rendered> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const snapshot = await deadline(
      this.#reading,
      timeoutMs,
      () => `The store was not read within ${timeoutMs} ms.`,
    );
    return this.#exposition.render(snapshot, accept);
  }

  /**
   * Answers one request. 503 with a plain reason when the store cannot be read, so that `up` becomes 0; never a 200 with
   * an error text. Never rejects.
   */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let rendered: Rendered;
    try {
      rendered = await this.collect(joined(request.headers.accept), timeoutOf(request));
    } catch (error) {
      plain(response, 503, `${reason(error)}\n`);
      return;
    }
    const zip = acceptsGzip(joined(request.headers['accept-encoding']));
    response.writeHead(200, {
      'Content-Type': rendered.contentType,
      'Cache-Control': 'no-store',
      Vary: 'Accept, Accept-Encoding',
      ...(zip && { 'Content-Encoding': 'gzip' }),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    try {
      const body = Readable.from(rendered.body);
      await (zip ? pipeline(body, createGzip({ level: GZIP_LEVEL }), response) : pipeline(body, response));
    } catch {
      // The scraper went away, or saw the connection break: it discards what it has.
      response.destroy();
    }
  }
}

export function plain(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(body);
}

function joined(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'object' ? header.join(', ') : header;
}

function timeoutOf(request: IncomingMessage): number {
  const seconds = Number(request.headers['x-prometheus-scrape-timeout-seconds']);
  return seconds > 0 && seconds < 3600 ? Math.ceil(seconds * 1000 * TIMEOUT_SHARE) : DEFAULT_TIMEOUT_MS;
}
