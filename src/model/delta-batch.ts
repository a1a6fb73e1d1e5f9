import type { Family } from './family.js';
import type { Attributes, Series } from './series.js';

/**
 * One addition. `values` are, by family type:
 * - `counter`: `[increment]`
 * - `histogram`: `[sum, count of bucket 0, …, count of the last bucket (+Inf)]`, `boundaries.length + 2` numbers
 * - `exponentialhistogram`: see `exponential-histogram.ts`
 */
export interface DeltaPoint {
  readonly series: Series;
  readonly values: readonly number[];
}

/** One current value of this instance. */
export interface CurrentPoint {
  readonly series: Series;
  readonly value: number;
  /** Milliseconds between the first sight of this value and the collection. Orders `last` and `keep` without trusting the clocks of hosts. */
  readonly ageMs: number;
  /**
   * Milliseconds between the last time that the application recorded a value and the collection. Absent: for this collection,
   * as always of what is observed. A gauge that was recorded before a wipe is not stored again after it.
   */
  readonly silentMs?: number;
}

/** What one instance adds to, or says about, one metric. */
export interface FamilyPoints<Point> {
  readonly family: Family;
  readonly points: readonly Point[];
}

/** Everything that one instance sends in one flush. */
export interface DeltaBatch {
  /** 1, 2, 3, … for one lease. */
  readonly sequence: number;
  /** The instance's resource; the same in every batch. `service.instance.id` becomes a label of its gauges. */
  readonly resource: Attributes;
  /** `performance.now()` at the collection, in milliseconds; the ages of current values count from here. */
  readonly collectedAt: number;
  readonly deltas: ReadonlyArray<FamilyPoints<DeltaPoint>>;
  /** All current values of this instance. They replace those of its previous batch. */
  readonly current: ReadonlyArray<FamilyPoints<CurrentPoint>>;
}
