import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip, type Gzip } from 'node:zlib';

import { reason } from '../errors.js';
import type { Exposition, PieceLife, Rendered } from '../prometheus/exposition.js';
import { PIECE_BYTES } from '../prometheus/byte-writer.js';
import { acceptsGzip } from '../prometheus/negotiate.js';
import { deadline } from '../store/deadline.js';
import type { Snapshot } from '../store/metric-store.js';
import { ScrapePace } from './scrape-pace.js';
import { SharedBody } from './shared-body.js';
import { writeBody } from './write-body.js';

/** Prometheus' own default, for scrapers that do not say how long they wait. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** The answer has to be on its way before the scraper gives up. */
const TIMEOUT_SHARE = 0.9;

/** 7 ms instead of 24 at level 6 for an exposition of 5.5 MB, which becomes 16 % larger; off the main thread either way. */
const GZIP_LEVEL = 1;

/** Scrapes that came while the store was being read: they share the read and, by format, the compressed body. */
interface Round {
  readonly snapshot: Promise<Snapshot>;
  /** By Content-Type, which names the format with all that matters. */
  readonly zipped: Map<string, SharedBody>;
}

/** Answers scrapes. */
export class Scraper {
  readonly #read: () => Promise<Snapshot>;
  readonly #exposition: Exposition;
  readonly #pace = new ScrapePace();
  #round: Round | undefined;

  constructor(read: () => Promise<Snapshot>, exposition: Exposition) {
    this.#read = read;
    this.#exposition = exposition;
  }

  /** Rejects with the reason when the store cannot be read in time. `accept`: the header of the request. */
  async collect(accept: string | undefined): Promise<Rendered> {
    return this.#render(this.#join(), accept, DEFAULT_TIMEOUT_MS, 'kept');
  }

  #join(): Round {
    this.#round ??= {
      snapshot: this.#pace
        .turn()
        .then(this.#read)
        .finally(() => {
          this.#round = undefined;
        }),
      zipped: new Map(),
    };
    return this.#round;
  }

  async #render(
    { snapshot }: Round,
    accept: string | undefined,
    timeoutMs: number,
    pieces: PieceLife,
  ): Promise<Rendered> {
    const late = (): string => `The store was not read within ${timeoutMs} ms.`;
    const { contentType, body } = this.#exposition.render(
      await deadline(snapshot, timeoutMs, late),
      accept,
      pieces,
    );
    return { contentType, body: this.#pace.count(body) };
  }

  /**
   * Answers one request. 503 with a plain reason when the store cannot be read, so that `up` becomes 0; never a 200 with
   * an error text. Never rejects.
   */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const round = this.#join();
    let rendered: Rendered;
    try {
      rendered = await this.#render(round, joined(request.headers.accept), timeoutOf(request), 'recycled');
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
      if (zip) await pipeline(zippedOf(round, rendered), response);
      else {
        await writeBody(rendered.body, response);
        response.end();
      }
    } catch {
      // The scraper went away, or saw the connection break: it discards what it has.
      response.destroy();
    }
  }
}

function zippedOf({ zipped }: Round, { contentType, body }: Rendered): SharedBody {
  let shared = zipped.get(contentType);
  if (shared?.isWhole !== true) zipped.set(contentType, (shared = new SharedBody(compressed(body))));
  return shared;
}

/** Ends the rendering when nobody reads on. */
function compressed(body: AsyncIterable<Buffer>): Gzip {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: PIECE_BYTES });
  // An error destroys the stream, and whoever reads it is told.
  writeBody(body, gzip).then(
    () => gzip.end(),
    (error: Error) => gzip.destroy(error),
  );
  return gzip;
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
