import type { LiveAnswer } from '../protocol.js';

/** However often a server samples, so many rows are kept. */
const MAX_ROWS = 2000;

/**
 * The rows of a project's history in the browser. They outlive the process that serves: another one that takes over has none of
 * its own, and goes on from here.
 */
export class Rows {
  /** Unix seconds, as the curves want them. */
  times: number[] = [];
  readonly #columns = new Map<string, Array<number | null>>();
  /** Which rows there are. */
  history = '';
  last = 0;

  column(name: string): ReadonlyArray<number | null> {
    return this.#columns.get(name) ?? [];
  }

  get columns(): number {
    return this.#columns.size;
  }

  /** Adds what is new in an answer. */
  add(answer: LiveAnswer): void {
    const { history, last, times, columns, keptMs } = answer;
    // The same again: the asker's rows were too old, or of another history.
    const first = (times[0] ?? Infinity) / 1000;
    const old = this.times.findIndex((time) => time >= first);
    if (old !== -1) this.#cut(0, old);
    const before = this.times.length;
    this.times.push(...times.map((time) => time / 1000));
    for (const [name, values] of Object.entries(columns)) {
      const known = this.#columns.get(name) ?? Array.from({ length: before }, () => null);
      known.push(...values);
      this.#columns.set(name, known);
    }
    for (const column of this.#columns.values()) while (column.length < this.times.length) column.push(null);
    this.history = history;
    this.last = last;
    const oldest = (this.times.at(-1) ?? 0) - keptMs / 1000;
    const kept = this.times.findIndex((time) => time > oldest);
    this.#cut(Math.max(kept, this.times.length - MAX_ROWS, 0), this.times.length);
  }

  /** Keeps these rows, and the columns that have a value in them. */
  #cut(from: number, to: number): void {
    if (from === 0 && to === this.times.length) return;
    this.times = this.times.slice(from, to);
    for (const [name, column] of this.#columns) {
      const rest = column.slice(from, to);
      if (rest.some((value) => value !== null)) this.#columns.set(name, rest);
      else this.#columns.delete(name);
    }
  }
}
