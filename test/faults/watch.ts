import { setTimeout as sleep } from 'node:timers/promises';

import { Exposition } from '../helpers/exposition.js';
import { get } from '../helpers/scrape.js';

/** How long between two scrapes. */
const EVERY_MS = 100;

/** Scrapes without a pause, and notes whatever no scrape may ever show. */
export class Watch {
  readonly violations: string[] = [];
  /** Answers that were read, and answers that said the store cannot be read. */
  scrapes = 0;
  refused = 0;
  readonly #port: number;
  readonly #before = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();
  #running = true;
  #ended: Promise<void> | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  begin(): void {
    this.#ended = this.#run();
  }

  async end(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  /** The store lost its data: totals begin from zero, once, from now on. */
  forget(): void {
    this.#before.clear();
  }

  /** Throws unless there is an answer. One at a time: of two at once, the older may be answered later. */
  async look(): Promise<Exposition> {
    const looking = this.#last.catch(() => undefined).then(() => this.#look());
    this.#last = looking;
    return looking;
  }

  async #look(): Promise<Exposition> {
    const { status, body } = await get(this.#port, '/metrics');
    if (status === 503) {
      this.refused += 1;
      throw new Error(`503 ${body}`);
    }
    if (status !== 200) throw new Error(`${status} ${body}`);
    try {
      const shown = new Exposition(body);
      this.scrapes += 1;
      this.#compare(shown);
      return shown;
    } catch (error) {
      this.violations.push(`a scrape that cannot be read: ${String(error)}`);
      throw error;
    }
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await this.look().catch(() => undefined);
      await sleep(EVERY_MS);
    }
  }

  #compare(shown: Exposition): void {
    for (const { type, samples } of shown.families.values()) {
      if (type !== 'counter' && type !== 'histogram') continue;
      for (const { name, labels, value } of samples) {
        const key = JSON.stringify([name, labels]);
        const before = this.#before.get(key);
        if (before !== undefined && value < before)
          this.violations.push(`${key} fell from ${before} to ${value}`);
        this.#before.set(key, value);
      }
    }
  }
}
