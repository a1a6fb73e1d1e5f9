import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What all scrapes of a process together may render while the application works. Rendering and compressing 100,000 lines
 * (33 MB) takes 100 ms of CPU, so this is about a sixth of one core.
 */
const BYTES_PER_MS = 50_000;

/** Nobody waits longer. It is well within the shortest time that a scraper is given. */
const MAX_REST_MS = 500;

/**
 * Keeps scrapers that never pause from taking the process for themselves. A scrape is never slowed down; after it the
 * process rests in proportion to what was rendered, and those who come meanwhile share the next read. Who scrapes every
 * few seconds does not meet it.
 */
export class ScrapePace {
  #restsUntil = 0;

  /** Resolves when the next read may begin. */
  async turn(): Promise<void> {
    const rest = Math.min(this.#restsUntil - performance.now(), MAX_REST_MS);
    if (rest > 0) await sleep(rest, undefined, { ref: false });
  }

  /** Passes a body on and counts it. */
  async *count(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of body) {
      this.#restsUntil = Math.max(this.#restsUntil, performance.now()) + piece.length / BYTES_PER_MS;
      yield piece;
    }
  }
}
