import { Problem } from '../http/problem.js';

interface Item {
  readonly work: () => Promise<void>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Does work in the order in which it came, a few pieces at once, and takes no more than its queue holds. */
export class WorkerPool {
  readonly #size: number;
  readonly #limit: number;
  readonly #queue: Item[] = [];
  #active = 0;

  /**
   * @param size pieces at once
   * @param limit pieces that may wait
   */
  constructor(size: number, limit: number) {
    this.#size = size;
    this.#limit = limit;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves with the results in the order of the pieces. @throws Problem `too-busy` when not all of them fit */
  async run<Result>(pieces: ReadonlyArray<() => Promise<Result>>): Promise<Result[]> {
    if (this.#queue.length + pieces.length > this.#limit)
      throw new Problem('too-busy', `${this.#queue.length} items wait already. Try again later.`);
    return Promise.all(pieces.map(async (piece) => this.#add(piece)));
  }

  async #add<Result>(piece: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let result: Result;
      const work = async (): Promise<void> => {
        result = await piece();
      };
      this.#queue.push({ work, done: () => resolve(result), failed: reject });
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#active < this.#size) {
      const item = this.#queue.shift();
      if (item === undefined) return;
      this.#active++;
      void item
        .work()
        .then(item.done, item.failed)
        .finally(() => {
          this.#active--;
          this.#startNext();
        });
    }
  }
}
