/** A server that cannot be reached is asked again so soon, as another process may take its port, and then less and less often. */
const RETRY_MS = 1000;
const MAX_WAIT_MS = 15_000;

/** What one turn found: how long to wait for the next one, and whether it failed. */
export interface Turn {
  readonly waitMs: number;
  readonly failed: boolean;
}

/**
 * Calls again and again while the page can be seen: a hidden tab asks for nothing, and one that comes back asks at once. One call
 * at a time.
 */
export class Poll {
  readonly #turn: (signal: AbortSignal) => Promise<Turn>;
  #timer: number | undefined;
  #running: AbortController | undefined;
  #failures = 0;
  #on = false;

  constructor(turn: (signal: AbortSignal) => Promise<Turn>) {
    this.#turn = turn;
  }

  start(): void {
    if (this.#on) return;
    this.#on = true;
    document.addEventListener('visibilitychange', this.#seen);
    this.#seen();
  }

  stop(): void {
    this.#on = false;
    document.removeEventListener('visibilitychange', this.#seen);
    this.#rest();
  }

  readonly #seen = (): void => {
    if (document.hidden) this.#rest();
    else if (this.#running === undefined) void this.#run();
  };

  #rest(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = undefined;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    const running = new AbortController();
    this.#running = running;
    try {
      const { waitMs, failed } = await this.#turn(running.signal);
      this.#failures = failed ? this.#failures + 1 : 0;
      const retryMs = Math.min(MAX_WAIT_MS, RETRY_MS * 2 ** (this.#failures - 1));
      if (this.#running !== running) return;
      this.#running = undefined;
      this.#timer = setTimeout(this.#seen, failed ? retryMs : waitMs);
    } catch {
      // It was ended, because the tab is hidden or the page is paused; or something is wrong with what came.
      if (this.#running !== running) return;
      this.#running = undefined;
      this.#timer = setTimeout(this.#seen, MAX_WAIT_MS);
    }
  }
}
