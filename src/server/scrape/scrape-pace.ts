/**
 * The rate at which all scrapes of a process together may render while the application works. Rendering and compressing
 * 100,000 lines (33 MB) takes 100 ms of CPU, and collecting the garbage as long again, in pauses of a few milliseconds.
 */
const BYTES_PER_MS = 15_000;

/** No scrape waits longer. */
const MAX_REST_MS = 2000;

/** A scraper with a short timeout waits no longer than this share of it: the answer needs the rest. */
const MAX_TIMEOUT_SHARE = 0.25;

interface Rest {
  /** On the clock of `performance.now()`. */
  readonly until: number;
  readonly timer: NodeJS.Timeout;
  readonly end: () => void;
}

/**
 * Limits the share of the process that scrapers take which never pause. Slices of one scrape are fair-yield's concern, the
 * number of scrapes is this one's: a scrape is never slowed down, but after it the process rests in proportion to the bytes
 * rendered, and scrapes that arrive meanwhile share the next read. A scraper with an interval of seconds does not meet it.
 */
export class ScrapePace {
  #restsUntil = 0;
  #rest: Rest | undefined;

  /** Resolves when the next read may begin. One caller at a time. */
  async rest(): Promise<void> {
    const now = performance.now();
    const until = Math.min(this.#restsUntil, now + MAX_REST_MS);
    if (until <= now) return;
    await new Promise<void>((end) => this.#restUntil(until, end));
    this.#rest = undefined;
  }

  /** Shortens the rest under way, if there is one, for a scraper that gives up in `timeoutMs`. */
  hurry(timeoutMs: number): void {
    const until = performance.now() + timeoutMs * MAX_TIMEOUT_SHARE;
    if (this.#rest === undefined || this.#rest.until <= until) return;
    clearTimeout(this.#rest.timer);
    this.#restUntil(until, this.#rest.end);
  }

  /** Passes a body on and counts it. */
  async *count(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of body) {
      this.#restsUntil = Math.max(this.#restsUntil, performance.now()) + piece.length / BYTES_PER_MS;
      yield piece;
    }
  }

  #restUntil(until: number, end: () => void): void {
    const timer = setTimeout(end, until - performance.now()).unref();
    this.#rest = { until, timer, end };
  }
}
