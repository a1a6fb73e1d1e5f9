import { makeSeries, type Attributes, type Scope, type Series } from '../model/series.js';

/** A scope and its text, which begins the text of each of its series. */
export interface KnownScope {
  readonly scope: Scope;
  readonly text: string;
  /** By attribute objects that cannot change: they are named once. */
  readonly names: WeakMap<object, SeriesName>;
}

/** One series as a collection names it; `text` is equal for equal scope and attributes. */
export interface SeriesName {
  readonly scope: Scope;
  readonly attributes: Attributes;
  readonly text: string;
}

/** What is remembered of one series between two collections. */
export interface KnownSeries {
  readonly series: Series;
  /** When a delta of it was last taken over, by `performance.now()`. */
  sentMark: number;
}

/** Series are forgotten when they were not seen for one to two such periods. */
const FORGET_MS = 600_000;

/** Each generation holds at most this many times the limit on series; bounds memory under changing labels. */
const KNOWN_PER_SERIES = 4;

/**
 * The series of one family that this process has reported, in two generations: one that was not seen for a whole generation is
 * forgotten. A series is hashed once, when it is first seen.
 */
export class SeriesMemory {
  readonly #maxSeries: number;
  #known = new Map<string, KnownSeries>();
  /** The generation before; entries move back when they are seen. */
  #old = new Map<string, KnownSeries>();
  #rotatedMark: number;

  constructor(maxSeries: number, nowMark: number) {
    this.#maxSeries = maxSeries;
    this.#rotatedMark = nowMark;
  }

  get size(): number {
    return this.#known.size + this.#old.size;
  }

  find({ scope, text, attributes }: SeriesName): KnownSeries {
    let known = this.#known.get(text);
    if (known === undefined) {
      known = this.#old.get(text) ?? { series: makeSeries(scope, attributes), sentMark: -Infinity };
      this.#known.set(text, known);
    }
    return known;
  }

  /** Begins a new generation when the present one is old or large. */
  rotate(nowMark: number): void {
    const crowded = this.#known.size > KNOWN_PER_SERIES * this.#maxSeries;
    if (!crowded && nowMark - this.#rotatedMark < FORGET_MS) return;
    this.#old = this.#known;
    this.#known = new Map();
    this.#rotatedMark = nowMark;
  }
}
