/**
 * Resumes one waiter per iteration of the event loop, in the order of their arrival. Whatever the number of long
 * computations, together they take one slice of each iteration: they wait for each other, and the application's own
 * requests wait for one slice.
 */
export class FairYield {
  readonly #waiting: Array<() => void> = [];

  /** Resolves in an iteration of its own. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#resume());
    });
  }

  #resume(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#resume());
  }
}

/** One for the process, as there is one event loop. */
const computations = new FairYield();

/**
 * To be awaited between two slices of a computation that takes longer than a millisecond. Slices of all such computations of
 * the process, reads of a store and scrapes alike, take turns.
 */
export function yieldToEventLoop(): Promise<void> {
  return computations.next();
}

/** Counts a step, or one that costs as much as `weight` of them. A promise when it is time to yield; undefined mostly. */
export type Step = (weight?: number) => Promise<void> | undefined;

/**
 * Cuts a computation into slices of `steps` steps. Share one among the loops of a computation: many short ones add up.
 *
 *     const step = yieldEvery(100);
 *     for (const item of items) {
 *       const turn = step();
 *       if (turn !== undefined) await turn;
 *     }
 */
export function yieldEvery(steps: number): Step {
  let done = 0;
  return (weight = 1) => {
    done += weight;
    if (done < steps) return undefined;
    done = 0;
    return yieldToEventLoop();
  };
}
