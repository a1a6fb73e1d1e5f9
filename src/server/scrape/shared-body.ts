/**
 * A body that is made once and read by many, each from its beginning and at its own speed. Its pieces are kept until the
 * last reader has let go of this object, or it is dropped.
 */
export class SharedBody implements AsyncIterable<Buffer> {
  /** Dropped when it is read: it holds much more memory than the pieces made from it. */
  #source: AsyncIterable<Buffer> | undefined;
  readonly #pieces: Buffer[] = [];
  #state: 'making' | 'complete' | 'abandoned' = 'making';
  /** Of the pieces so far. */
  #bytes = 0;
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

  get bytes(): number {
    return this.#bytes;
  }

  /** Lets go of all pieces. Whoever still reads it gets an error. */
  drop(): void {
    this.#error ??= new Error('The reader is too slow.');
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#wakeAll();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    this.#readers += 1;
    this.#begin();
    try {
      for (let next = 0; ; next += 1) {
        // Before the pieces: of a body that was dropped, what is left must not look like its end.
        while (this.#pieces[next] === undefined || this.#error !== undefined) {
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
        if (this.#error !== undefined) return;
        this.#pieces.push(piece);
        this.#bytes += piece.length;
        this.#wakeAll();
      }
      this.#state = 'complete';
    } catch (error) {
      this.#error ??= error;
    } finally {
      this.#wakeAll();
    }
  }

  #wakeAll(): void {
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}
