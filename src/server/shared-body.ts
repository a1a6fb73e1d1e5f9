/**
 * A body that is made once and read by many, each from its beginning and at its own speed. What was made is kept until the
 * last reader has let go of this object, so it is for bodies that are small for the work in them: compressed ones.
 */
export class SharedBody implements AsyncIterable<Buffer> {
  readonly #source: AsyncIterable<Buffer>;
  readonly #pieces: Buffer[] = [];
  #state: 'new' | 'making' | 'complete' | 'abandoned' = 'new';
  #error: unknown;
  #readers = 0;
  #wake: Array<() => void> = [];

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source;
  }

  /** False when everybody left before it was complete; the making has ended then. */
  get isWhole(): boolean {
    return this.#state !== 'abandoned';
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    this.#readers += 1;
    if (this.#state === 'new') void this.#make();
    try {
      for (let next = 0; ; next += 1) {
        while (this.#pieces[next] === undefined) {
          if (this.#error !== undefined) throw this.#error;
          if (this.#state !== 'making') return;
          await new Promise<void>((resolve) => this.#wake.push(resolve));
        }
        yield this.#pieces[next] as Buffer;
      }
    } finally {
      this.#readers -= 1;
    }
  }

  /** As fast as it goes: it must not wait for a reader who is slow. */
  async #make(): Promise<void> {
    this.#state = 'making';
    try {
      for await (const piece of this.#source) {
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
