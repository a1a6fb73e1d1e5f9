/**
 * A body that is made once and read by many, each from its beginning and at its own speed. Its pieces are kept until the
 * last reader has let go of this object, so it is for bodies that are small for the work in them: compressed ones.
 */
export class SharedBody implements AsyncIterable<Buffer> {
  /** Dropped when it is read: it holds much more memory than the pieces made from it. */
  #source: AsyncIterable<Buffer> | undefined;
  readonly #pieces: Buffer[] = [];
  #state: 'making' | 'complete' | 'abandoned' = 'making';
  #error: unknown;
  #readers = 0;
  #wake: Array<() => void> = [];

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source;
  }

  /** False when all readers left before it was complete; it is not made any further then. */
  get isWhole(): boolean {
    return this.#state !== 'abandoned' && this.#error === undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    this.#readers += 1;
    this.#begin();
    try {
      for (let next = 0; ; next += 1) {
        while (this.#pieces[next] === undefined) {
          if (this.#error !== undefined) throw this.#error;
          if (this.#state === 'complete') return;
          // Half a body must not look like a whole one.
          if (this.#state === 'abandoned') throw new Error('All readers had left.');
          await new Promise<void>((resolve) => this.#wake.push(resolve));
        }
        yield this.#pieces[next] as Buffer;
      }
    } finally {
      this.#readers -= 1;
    }
  }

  /** Apart, for a generator that waits for its reader keeps every local variable. */
  #begin(): void {
    const source = this.#source;
    this.#source = undefined;
    if (source !== undefined) void this.#make(source);
  }

  /** At full speed: it must not wait for a slow reader. */
  async #make(source: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const piece of source) {
        if (this.#readers === 0) {
          this.#state = 'abandoned';
          return;
        }
        this.#pieces.push(piece);
        this.#wakeAll();
      }
      this.#state = 'complete';
    } catch (error) {
      this.#error = error;
    } finally {
      this.#wakeAll();
    }
  }

  #wakeAll(): void {
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}
