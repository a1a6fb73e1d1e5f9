/**
 * - `sent`: Redis has everything
 * - `refused`: it will not have it, whoever sends it
 * - `failed`: it could not be reached
 * - `late`: there is no answer yet
 */
export type EndingOutcome = 'sent' | 'refused' | 'failed' | 'late';

const OUTCOMES: readonly EndingOutcome[] = ['late', 'sent', 'refused', 'failed'];

const HEADER_BYTES = 8;
const MAX_REASON_BYTES = 512;

/** In memory that two threads share: how it ended, and why. */
export class EndingReport {
  readonly #head: Int32Array;
  readonly #reason: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, 2);
    this.#reason = new Uint8Array(memory, HEADER_BYTES);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEADER_BYTES + MAX_REASON_BYTES);
  }

  get reason(): string {
    return Buffer.from(this.#reason.slice(0, this.#head[1])).toString();
  }

  give(outcome: EndingOutcome, why: string): void {
    const bytes = Buffer.from(why).subarray(0, MAX_REASON_BYTES);
    this.#reason.set(bytes);
    this.#head[1] = bytes.length;
    Atomics.store(this.#head, 0, OUTCOMES.indexOf(outcome));
    Atomics.notify(this.#head, 0);
  }

  /** Holds this thread until the other one has given its report, or the time is up. */
  wait(milliseconds: number): EndingOutcome {
    Atomics.wait(this.#head, 0, 0, milliseconds);
    return OUTCOMES[Atomics.load(this.#head, 0)] ?? 'late';
  }
}
