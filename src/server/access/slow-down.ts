/** How long the first wrong request of an address waits for its answer, in milliseconds; each further one twice as long. */
const FIRST_MS = 100;
const LONGEST_MS = 3000;

/** An address that was silent for so long begins anew. */
const FORGET_MS = 60_000;

/** Addresses that are remembered. */
const MAX_ADDRESSES = 1000;

/** Answers that wait; more are not held back, since each of them has a connection. */
const MAX_WAITING = 100;

interface Attempts {
  readonly count: number;
  readonly lastMark: number;
}

/** Makes whoever tries out secrets wait for the answer, longer each time. A right one never waits. */
export class SlowDown {
  /** The address that was silent for longest first. */
  readonly #attempts = new Map<string, Attempts>();
  #waiting = 0;

  /** Resolves when a wrong request of that address may be answered. */
  async wait(address: string): Promise<void> {
    const milliseconds = this.#note(address);
    if (this.#waiting >= MAX_WAITING) return;
    this.#waiting += 1;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, milliseconds).unref();
    });
    this.#waiting -= 1;
  }

  #note(address: string): number {
    const now = performance.now();
    const before = this.#attempts.get(address);
    const count = before === undefined || now - before.lastMark > FORGET_MS ? 0 : before.count;
    this.#attempts.delete(address);
    this.#attempts.set(address, { count: count + 1, lastMark: now });
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > MAX_ADDRESSES && oldest !== undefined) this.#attempts.delete(oldest);
    return Math.min(FIRST_MS * 2 ** count, LONGEST_MS);
  }
}
