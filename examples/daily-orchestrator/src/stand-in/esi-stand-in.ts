import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { Universe, type UniverseSize } from './universe.js';

/** How it behaves; may be changed while it runs. */
export interface Behaviour {
  /** Milliseconds before each answer. */
  delayMs: number;
  /** Of 1: the share of requests that is answered with 502. */
  failing: number;
  /** Paths that are always answered with this status. */
  readonly statuses: Map<string, number>;
  /** What an answer waits for, besides. */
  hold: (path: string) => Promise<void> | undefined;
  /** Errors in one window after which every request is answered with 420. */
  errorLimit: number;
  /** Milliseconds of a window. */
  windowMs: number;
  /** Requests in one window after which they are answered with 429; 0: never. */
  rateLimit: number;
  /** Milliseconds for which an answer is valid. */
  validMs: number;
}

const DEFAULTS = {
  delayMs: 0,
  failing: 0,
  hold: () => undefined,
  errorLimit: 100,
  windowMs: 60_000,
  rateLimit: 0,
  validMs: 3_600_000,
};

/** A server that answers as ESI does: lists, details, ETags, Expires, its error limit and its rate limit. */
export class EsiStandIn {
  readonly behaviour: Behaviour;
  /** Requests by status. */
  readonly answered = new Map<number, number>();
  /** The most requests that it had at one time. */
  mostUnderWay = 0;
  underWay = 0;
  /** Requests that came while the client had to be silent. */
  tooSoon = 0;
  readonly universe: Universe;
  readonly #server: Server;
  #windowStartMark = 0;
  #errors = 0;
  #requests = 0;

  constructor(size: UniverseSize, behaviour: Partial<Behaviour> = {}) {
    this.universe = new Universe(size);
    this.behaviour = { ...DEFAULTS, statuses: new Map(), ...behaviour };
    this.#server = createServer((request, response) => {
      this.underWay += 1;
      this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
      void this.#answer(request, response).finally(() => (this.underWay -= 1));
    });
  }

  /** Answers its base URL. */
  async listen(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/latest`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close').catch(() => undefined);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const path = (request.url ?? '').replace(/^\/latest/, '').replace(/\?.*$/, '');
    if (this.behaviour.delayMs > 0) await sleep(this.behaviour.delayMs, undefined, { ref: false });
    await this.behaviour.hold(path);
    this.#turnWindow();
    const refused = this.#refusal(path);
    if (refused !== undefined) return this.#end(response, refused, { error: `stand-in: ${refused}` });
    const body = this.#find(path);
    if (body === undefined) return this.#end(response, 404, { error: 'not found' });
    const text = JSON.stringify(body);
    const etag = `"${createHash('sha1').update(text).digest('hex')}"`;
    response.setHeader('etag', etag);
    response.setHeader('expires', new Date(Date.now() + this.behaviour.validMs).toUTCString());
    if (request.headers['if-none-match'] === etag) this.#end(response, 304, undefined);
    else this.#end(response, 200, body);
  }

  #turnWindow(): void {
    if (performance.now() - this.#windowStartMark < this.behaviour.windowMs) return;
    this.#windowStartMark = performance.now();
    this.#errors = 0;
    this.#requests = 0;
  }

  /** The status with which a request is refused. */
  #refusal(path: string): number | undefined {
    const { errorLimit, failing, rateLimit, statuses } = this.behaviour;
    this.#requests += 1;
    if (this.#errors >= errorLimit) {
      this.tooSoon += 1;
      return 420;
    }
    if (rateLimit > 0 && this.#requests > rateLimit) return 429;
    return statuses.get(path) ?? (Math.random() < failing ? 502 : undefined);
  }

  #find(path: string): unknown {
    const { universe } = this;
    if (path === '/alliances/') return universe.allianceIds;
    const match = /^\/(alliances|corporations)\/(\d+)\/(corporations\/)?$/.exec(path);
    if (match === null) return undefined;
    const id = Number(match[2]);
    if (match[1] === 'corporations') return match[3] === undefined ? universe.corporation(id) : undefined;
    return match[3] === undefined ? universe.alliance(id) : universe.corporationsOf(id);
  }

  #end(response: ServerResponse, status: number, body: unknown): void {
    const { errorLimit, windowMs } = this.behaviour;
    if (status >= 400 && status !== 420 && status !== 429) this.#errors += 1;
    this.answered.set(status, (this.answered.get(status) ?? 0) + 1);
    const reset = Math.max(1, Math.ceil((this.#windowStartMark + windowMs - performance.now()) / 1000));
    response.setHeader('x-esi-error-limit-remain', Math.max(0, errorLimit - this.#errors));
    response.setHeader('x-esi-error-limit-reset', reset);
    if (status === 429) response.setHeader('retry-after', reset);
    response.statusCode = status;
    response.setHeader('content-type', 'application/json');
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }
}
