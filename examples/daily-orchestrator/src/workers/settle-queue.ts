/**
 * Collects what is ready and hands it over in groups: while one group is being worked on, the next one gathers. So a slow
 * commit makes larger groups, not a longer queue.
 */
export class SettleQueue<T> {
  readonly #settle: (group: readonly T[]) => Promise<void>;
  #waiting: T[] = [];
  #working: Promise<void> | undefined;

  /** @param settle must not reject */
  constructor(settle: (group: readonly T[]) => Promise<void>) {
    this.#settle = settle;
  }

  push(item: T): void {
    this.#waiting.push(item);
    this.#working ??= this.#work();
  }

  /** Resolves when everything is settled. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async #work(): Promise<void> {
    // What arrives in the same moment belongs together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      await this.#settle(group);
    }
    // In the same moment in which nothing waits: an item that is pushed a moment later begins anew, and none is forgotten.
    this.#working = undefined;
  }
}
