import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { orchestratorError, reason } from '../../errors.js';
import type { Exposition, PieceLife, Rendered } from '../../prometheus/exposition.js';
import { acceptsGzip } from '../../prometheus/negotiate.js';
import { deadline } from '../../event-loop/deadline.js';
import type { Snapshot } from '../../model/snapshot.js';
import { type ProjectNames, refuseOtherProject } from '../other-project.js';
import { plainResponse } from '../plain-response.js';
import { gzipBody } from './gzip-body.js';
import { PinnedBodies } from './pinned-bodies.js';
import { ScrapePace } from './scrape-pace.js';
import { sendBody, type SendLimits } from './send-body.js';
import { SharedBody } from './shared-body.js';

/** Prometheus' own default, for scrapers that do not say how long they wait. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** The answer has to be on its way before the scraper gives up. */
const TIMEOUT_SHARE = 0.9;

/** A client that takes nothing for so long is gone, and no scraper waits for two minutes. */
const SEND_LIMITS: SendLimits = { stallMs: 15_000, totalMs: 120_000 };

/** Scrapes that came while the store was being read: they share the read and, by format, the body. */
interface Round {
  readonly snapshot: Promise<Snapshot>;
  /** By Content-Type, which names the format with all that matters, and by whether it is packed. */
  readonly bodies: Map<string, SharedBody>;
}

interface Answer {
  readonly headers: OutgoingHttpHeaders;
  readonly body: SharedBody;
}

/** Responses of clients that are slower than the limits are destroyed. Default: 15 s, and two minutes. */
export interface ScraperOptions extends Partial<SendLimits> {
  /** Requests that name another project are refused. */
  readonly project?: ProjectNames;
}

/** Answers scrapes. */
export class Scraper {
  readonly #read: () => Promise<Snapshot>;
  readonly #exposition: Exposition;
  readonly #limits: SendLimits;
  readonly #project: ProjectNames | undefined;
  readonly #pace = new ScrapePace();
  readonly #pinned = new PinnedBodies();
  #round: Round | undefined;

  constructor(
    read: () => Promise<Snapshot>,
    exposition: Exposition,
    { project, ...limits }: ScraperOptions = {},
  ) {
    this.#read = read;
    this.#exposition = exposition;
    this.#limits = { ...SEND_LIMITS, ...limits };
    this.#project = project;
  }

  /** What names and labels it gives. */
  get exposition(): Exposition {
    return this.#exposition;
  }

  /** The sum that a scrape at this moment would show; they share the read. Rejects like {@link collect}. */
  async read(): Promise<Snapshot> {
    return inTime(this.#join(DEFAULT_TIMEOUT_MS), DEFAULT_TIMEOUT_MS);
  }

  /** Rejects with the reason when the store cannot be read in time. `accept`: the header of the request. */
  async collect(accept: string | undefined): Promise<Rendered> {
    return this.#render(this.#join(DEFAULT_TIMEOUT_MS), accept, DEFAULT_TIMEOUT_MS, 'kept');
  }

  /**
   * Answers one request. 503 with a plain reason when the store cannot be read, so that `up` becomes 0; never a 200 with
   * an error text. A response that another party has begun meanwhile is left as it is. Never rejects.
   */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client may have left while a middleware had the request, an authentication for example.
    if (response.destroyed || response.headersSent) return;
    if (this.#project !== undefined && refuseOtherProject(request, response, this.#project)) return;
    let closed = false;
    response.once('close', () => {
      closed = true;
    });
    try {
      const answer = await this.#answer(request).catch(reason);
      if (closed || response.headersSent) return;
      if (typeof answer === 'string') plainResponse(response, 503, `${answer}\n`);
      else {
        response.writeHead(200, answer.headers);
        if (request.method === 'HEAD') response.end();
        else await this.#send(answer.body, response);
      }
    } catch {
      // The scraper went away, or sees the connection break: it discards what it has.
      response.destroy();
    }
  }

  async #send(body: SharedBody, response: ServerResponse): Promise<void> {
    const release = this.#pinned.add(body, () => void response.destroy());
    try {
      await sendBody(body, response, this.#limits);
    } finally {
      release();
    }
  }

  /** The response must not hold the round, with its snapshot, for as long as its reader takes. */
  async #answer({ headers }: IncomingMessage): Promise<Answer> {
    const timeoutMs = timeoutOf(headers);
    const zip = acceptsGzip(joined(headers['accept-encoding']));
    const round = this.#join(timeoutMs);
    const rendered = await this.#render(round, joined(headers.accept), timeoutMs, zip ? 'recycled' : 'kept');
    return {
      headers: {
        'Content-Type': rendered.contentType,
        'Cache-Control': 'no-store',
        Vary: 'Accept, Accept-Encoding',
        ...(zip && { 'Content-Encoding': 'gzip' }),
      },
      body: sharedBody(round, rendered, zip),
    };
  }

  #join(timeoutMs: number): Round {
    this.#round ??= {
      snapshot: this.#pace
        .rest()
        .then(this.#read)
        .finally(() => {
          this.#round = undefined;
        }),
      bodies: new Map(),
    };
    this.#pace.hurry(timeoutMs);
    return this.#round;
  }

  async #render(
    round: Round,
    accept: string | undefined,
    timeoutMs: number,
    pieces: PieceLife,
  ): Promise<Rendered> {
    const { contentType, body } = this.#exposition.render(await inTime(round, timeoutMs), accept, pieces);
    return { contentType, body: this.#pace.count(body) };
  }
}

function inTime({ snapshot }: Round, timeoutMs: number): Promise<Snapshot> {
  return deadline(snapshot, timeoutMs, () =>
    orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'notRead', { ms: timeoutMs }),
  );
}

function sharedBody({ bodies }: Round, { contentType, body }: Rendered, zip: boolean): SharedBody {
  const key = `${zip ? 'gzip ' : ''}${contentType}`;
  let shared = bodies.get(key);
  if (shared?.isWhole !== true) bodies.set(key, (shared = new SharedBody(zip ? gzipBody(body) : body)));
  return shared;
}

function joined(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'object' ? header.join(', ') : header;
}

function timeoutOf(headers: IncomingHttpHeaders): number {
  const seconds = Number(headers['x-prometheus-scrape-timeout-seconds']);
  return seconds > 0 && seconds < 3600 ? Math.ceil(seconds * 1000 * TIMEOUT_SHARE) : DEFAULT_TIMEOUT_MS;
}
