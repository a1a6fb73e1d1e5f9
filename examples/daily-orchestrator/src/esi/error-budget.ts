import { setTimeout as sleep } from 'node:timers/promises';

/** ESI allows so many errors in a minute; whoever goes on after that is banned. */
const FULL_BUDGET = 100;

/**
 * Pauses requests while ESI's error budget is used up to the reserve, or while it asks for a pause. All workers of a host have
 * the same address, hence one budget: each answer tells what all of them have left.
 */
export class ErrorBudget {
  readonly #reserve: number;
  #remaining = FULL_BUDGET;
  #pausedUntilMark = 0;

  /** @param reserve errors left at which requests pause */
  constructor(reserve: number) {
    this.#reserve = reserve;
  }

  /** Errors that ESI still allows. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Notes what the headers of an answer say. */
  note(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const remaining = numberIn(headers['x-esi-error-limit-remain']);
    const resetSeconds = numberIn(headers['x-esi-error-limit-reset']) ?? 60;
    if (remaining !== undefined) this.#remaining = remaining;
    const used = remaining !== undefined && remaining <= this.#reserve;
    if (status === 420 || used) this.#pause(resetSeconds);
    if (status === 429) this.#pause(numberIn(headers['retry-after']) ?? resetSeconds);
  }

  /** Resolves when a request may be sent; answers how many milliseconds that took. */
  async wait(signal: AbortSignal): Promise<number> {
    const begunMark = performance.now();
    for (;;) {
      const left = this.#pausedUntilMark - performance.now();
      if (left <= 0) return performance.now() - begunMark;
      // So that the waiting requests do not all start in the same millisecond.
      await sleep(left + Math.random() * 100, undefined, { signal });
    }
  }

  #pause(seconds: number): void {
    this.#pausedUntilMark = Math.max(this.#pausedUntilMark, performance.now() + seconds * 1000);
  }
}

function numberIn(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return undefined;
  return Number(text);
}
