/**
 * Is told of the `exit` event of the process, after all other listeners: what they record belongs to the last batch. Only
 * synchronous code runs in it.
 */
export class ExitListener {
  readonly #onExit: (code: number) => void;
  readonly #onAdded: (event: string | symbol, listener: unknown) => void;
  #isMoving = false;

  constructor(exits: (code: number) => void) {
    this.#onExit = exits;
    this.#onAdded = (event, listener) => {
      if (event === 'exit' && listener !== this.#onExit) this.#moveLater();
    };
  }

  install(): void {
    process.on('exit', this.#onExit);
    process.on('newListener', this.#onAdded);
  }

  remove(): void {
    process.removeListener('newListener', this.#onAdded);
    process.removeListener('exit', this.#onExit);
  }

  /** The event comes before the listener is added. */
  #moveLater(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    queueMicrotask(() => {
      this.#isMoving = false;
      if (!process.listeners('exit').includes(this.#onExit)) return;
      process.removeListener('exit', this.#onExit);
      process.on('exit', this.#onExit);
    });
  }
}
