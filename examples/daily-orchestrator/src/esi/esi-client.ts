import { setTimeout as sleep } from 'node:timers/promises';

import { Agent, request } from 'undici';

import type { EsiAnswer } from '../database/esi-answers.js';
import { ErrorBudget } from './error-budget.js';

const BACKOFF_AT_MOST_MS = 60_000;

export interface EsiOptions {
  readonly baseUrl: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoffMs: number;
  readonly errorReserve: number;
  /** Requests under way at the same time. */
  readonly concurrency: number;
}

/** What happens in the client, for metrics. */
export interface EsiEvents {
  requested(endpoint: string, status: number | 'error'): void;
  retried(endpoint: string): void;
  waited(milliseconds: number): void;
}

export interface Fetched {
  /** The JSON of the answer. */
  readonly body: unknown;
  /** To be kept; undefined when what is kept is still valid. */
  readonly answer: EsiAnswer | undefined;
}

/** ESI will not answer this, however often it is asked. */
export class Refused extends Error {
  readonly status: number;

  constructor(path: string, status: number) {
    super(`ESI answered ${status} for ${path}`);
    this.name = 'Refused';
    this.status = status;
  }
}

/** ESI did not answer at all. Without the code of its cause, which would pass for that of a database that is away. */
export class Unreachable extends Error {
  constructor(path: string, cause: unknown) {
    super(`ESI gave no answer for ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'Unreachable';
  }
}

/** Asks ESI, as it wants to be asked: not before an answer expires, with its ETag, within its error budget, with patience. */
export class EsiClient {
  readonly budget: ErrorBudget;
  readonly #options: EsiOptions;
  readonly #events: EsiEvents;
  readonly #agent: Agent;
  #underWay = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(options: EsiOptions, events: EsiEvents) {
    this.#options = options;
    this.#events = events;
    this.#agent = new Agent({ connections: options.concurrency });
    this.budget = new ErrorBudget(options.errorReserve);
  }

  /**
   * @param path below the base URL: `/alliances/99000001/`
   * @param endpoint the path as a template, a label: `/alliances/{alliance_id}/`
   * @param kept the last answer for this path
   * @throws Refused, or Unreachable when all attempts are used up
   */
  async get(
    path: string,
    endpoint: string,
    kept: EsiAnswer | undefined,
    signal: AbortSignal,
  ): Promise<Fetched> {
    if (kept !== undefined && kept.expiresAt.getTime() > Date.now()) {
      return { body: kept.body, answer: undefined };
    }
    await this.#enter(signal);
    try {
      return await this.#persist(path, endpoint, kept, signal);
    } finally {
      this.#leave();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #persist(
    path: string,
    endpoint: string,
    kept: EsiAnswer | undefined,
    signal: AbortSignal,
  ): Promise<Fetched> {
    for (let attempt = 1; ; attempt++) {
      this.#events.waited(await this.budget.wait(signal));
      try {
        return await this.#attempt(path, endpoint, kept, signal);
      } catch (error) {
        signal.throwIfAborted();
        // Being told to slow down is no failed attempt.
        if (error instanceof Refused && !isTransient(error.status)) throw error;
        if (isSlowDown(error)) attempt--;
        else if (attempt >= this.#options.attempts)
          throw error instanceof Refused ? error : new Unreachable(path, error);
        else await sleep(this.#backoff(attempt), undefined, { signal });
        this.#events.retried(endpoint);
      }
    }
  }

  async #attempt(
    path: string,
    endpoint: string,
    kept: EsiAnswer | undefined,
    signal: AbortSignal,
  ): Promise<Fetched> {
    const { baseUrl, timeoutMs, userAgent } = this.#options;
    let status: number | 'error' = 'error';
    // Not AbortSignal.any with AbortSignal.timeout: Node.js 20 loses that timeout at the next collection of garbage.
    const ending = new AbortController();
    const end = (): void => ending.abort(signal.reason);
    const timer = setTimeout(
      () => ending.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError')),
      timeoutMs,
    );
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const response = await request(`${baseUrl}${path}`, {
        dispatcher: this.#agent,
        signal: ending.signal,
        headers: {
          accept: 'application/json',
          'user-agent': userAgent,
          ...(kept?.etag === undefined || kept.etag === null ? {} : { 'if-none-match': kept.etag }),
        },
      });
      status = response.statusCode;
      this.budget.note(status, response.headers);
      if (status === 304 && kept !== undefined) {
        await response.body.dump();
        return { body: kept.body, answer: { ...kept, expiresAt: expiry(response.headers['expires']) } };
      }
      if (status !== 200) {
        await response.body.dump();
        throw new Refused(path, status);
      }
      const body = await response.body.json();
      const etag = response.headers['etag'];
      return {
        body,
        answer: {
          path,
          etag: typeof etag === 'string' ? etag : null,
          expiresAt: expiry(response.headers['expires']),
          body,
        },
      };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      this.#events.requested(endpoint, status);
    }
  }

  /** Full jitter: clients that failed together do not come back together. */
  #backoff(attempt: number): number {
    return Math.random() * Math.min(BACKOFF_AT_MOST_MS, this.#options.backoffMs * 2 ** (attempt - 1)) + 1;
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#underWay < this.#options.concurrency) {
      this.#underWay += 1;
      return;
    }
    // Whoever leaves hands its place on.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (signal.aborted) this.#leave();
    signal.throwIfAborted();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underWay -= 1;
    else next();
  }
}

function isSlowDown(error: unknown): boolean {
  return error instanceof Refused && (error.status === 420 || error.status === 429);
}

function isTransient(status: number): boolean {
  return status === 420 || status === 429 || status >= 500;
}

function expiry(header: string | string[] | undefined): Date {
  const at = new Date(String(header));
  return Number.isNaN(at.getTime()) ? new Date() : at;
}
