import { performance } from 'node:perf_hooks';

/** How much several counters grew over a window. */
export interface Growth {
  /** The length of the window. */
  readonly seconds: number;
  /** What each counter gained in it. */
  readonly gains: readonly number[];
}

interface Reading {
  readonly mark: number;
  readonly values: readonly number[];
}

/** Milliseconds: a window is at least this long once readings go back that far. */
const WINDOW_MS = 5000;

/** Milliseconds: too short a window shows chance. It is also the distance of two readings that are kept, so at most 7 are. */
const SHORTEST_MS = 1000;

/**
 * Makes gauges of counters: how much they grew since the newest reading that is 5 s old. A reading ends nobody's window.
 * So two scrapers see the same, however close together they read.
 */
export class RateWindow {
  readonly #now: () => number;
  readonly #readings: Reading[] = [];

  /** @param now milliseconds of a clock that nobody sets */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param values of the counters, always in the same order; undefined until the readings go back a second. */
  grown(values: readonly number[]): Growth | undefined {
    const mark = this.#now();
    const readings = this.#readings;
    while ((readings[1]?.mark ?? Infinity) <= mark - WINDOW_MS) readings.shift();
    const [first] = readings;
    const last = readings.at(-1);
    if (last === undefined || mark - last.mark >= SHORTEST_MS) readings.push({ mark, values });
    if (first === undefined || mark - first.mark < SHORTEST_MS) return undefined;
    return {
      seconds: (mark - first.mark) / 1000,
      // The kernel's idle time has been seen to go back by a tick.
      gains: values.map((value, index) => Math.max(0, value - (first.values[index] ?? value))),
    };
  }
}
