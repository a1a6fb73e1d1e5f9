import type { CurrentPoint } from '../model/delta-batch.js';
import type { KnownSeries } from './known-series.js';

/** The values of one gauge or up-down counter as they stand in the last collection. */
export class CurrentValues {
  #points: CurrentPoint[] = [];

  get points(): readonly CurrentPoint[] {
    return this.#points;
  }

  /** A collection begins: what it does not report is gone. */
  clear(): void {
    this.#points = [];
  }

  /** @param isDelta the value is the change since the last collection: host counters and observed up-down counters */
  add(known: KnownSeries, value: number, isDelta: boolean, nowMark: number): void {
    const now = isDelta && known.value !== undefined ? known.value + value : value;
    if (!Object.is(now, known.value)) {
      known.value = now;
      known.changedMark = nowMark;
    }
    this.#points.push({ series: known.series, value: now, ageMs: nowMark - known.changedMark });
  }
}
