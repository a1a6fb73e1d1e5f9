/**
 * Lets one of those who wait pass in each turn of the event loop. Ten scrapes at once then take as much of every turn as
 * one: they wait for each other, and the application's own requests wait for none of them.
 */
export class Turnstile {
  readonly #waiting: Array<() => void> = [];

  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#next());
    });
  }

  #next(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
