import { addValues } from '../model/values.js';
import type { DeltaPoint } from '../model/delta-batch.js';
import type { Family } from '../model/family.js';
import { OVERFLOW_SERIES, type Series } from '../model/series.js';

interface Waiting {
  readonly series: Series;
  values: readonly number[];
}

/**
 * What was added to one counter or histogram and waits for the store: one entry for each series, however long it waits. Series
 * beyond the limit are summed into one.
 */
export class AdditiveDeltas {
  readonly #family: Family;
  readonly #maxSeries: number;
  #waiting = new Map<string, Waiting>();

  constructor(family: Family, maxSeries: number) {
    this.#family = family;
    this.#maxSeries = maxSeries;
  }

  /** Number of series that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Answers whether the series keeps its own place; else the values went into the overflow series. */
  add(series: Series, values: readonly number[]): boolean {
    const admitted = this.#waiting.has(series.id) || this.#waiting.size < this.#maxSeries;
    const target = admitted ? series : OVERFLOW_SERIES;
    const waiting = this.#waiting.get(target.id);
    if (waiting === undefined) this.#waiting.set(target.id, { series: target, values });
    else waiting.values = addValues(this.#family, waiting.values, values);
    return admitted;
  }

  /** Everything that waits, which then waits no more. */
  take(): DeltaPoint[] {
    const points = [...this.#waiting.values()];
    this.#waiting = new Map();
    return points;
  }
}
