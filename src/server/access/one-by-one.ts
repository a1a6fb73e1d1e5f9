/** In all, and of one address. */
const MAX_WAITING = 32;
const MAX_OF_ADDRESS = 4;

/**
 * Expensive checks, one at a time and in the order of their arrival. Of an address only a few wait, so that whoever guesses
 * from one address delays another one by little.
 */
export class OneByOne {
  readonly #waiting = new Map<string, number>();
  #count = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /** Resolves with `busy` at once when too many wait. */
  async run<T>(address: string, check: () => Promise<T>): Promise<T | 'busy'> {
    const ofAddress = this.#waiting.get(address) ?? 0;
    if (ofAddress >= MAX_OF_ADDRESS || this.#count >= MAX_WAITING) return 'busy';
    this.#add(address, 1);
    const checking = this.#tail.then(check);
    this.#tail = checking.catch(() => undefined);
    try {
      return await checking;
    } finally {
      this.#add(address, -1);
    }
  }

  #add(address: string, change: number): void {
    this.#count += change;
    const waiting = (this.#waiting.get(address) ?? 0) + change;
    if (waiting === 0) this.#waiting.delete(address);
    else this.#waiting.set(address, waiting);
  }
}
