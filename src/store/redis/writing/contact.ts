import { performance } from 'node:perf_hooks';

/** When Redis last confirmed something: by its clock and by ours, so that its time is known without asking. */
export class Contact {
  #atMs = 0;
  #mark = 0;

  /** Redis' time at the last confirmation, in Unix milliseconds; 0 before the first. */
  get atMs(): number {
    return this.#atMs;
  }

  /** Milliseconds since then; undefined before the first. */
  get agoMs(): number | undefined {
    return this.#atMs === 0 ? undefined : performance.now() - this.#mark;
  }

  /** Redis' time now, as far as it is known. */
  get nowMs(): number {
    const { agoMs } = this;
    return agoMs === undefined ? Date.now() : this.#atMs + agoMs;
  }

  note(atMs: number): void {
    this.#atMs = atMs;
    this.#mark = performance.now();
  }
}
