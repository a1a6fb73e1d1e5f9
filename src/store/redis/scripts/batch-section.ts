import type { Family } from '../../../model/family.js';
import type { Series } from '../../../model/series.js';

export interface SectionPoint {
  readonly series: Series;
  /** Additions. */
  readonly values?: readonly number[];
  /** Current values. */
  readonly value?: number;
  /** Current values: when this one was first seen, by `performance.now()`. */
  readonly changedMark?: number;
}

/**
 * The points of one family in one script call. `d` adds, `e` adds exponential histograms, `k` keeps the newest, `c` sets
 * this instance's own. A section without points describes its family.
 */
export interface BatchSection {
  readonly family: Family;
  readonly mode: 'd' | 'e' | 'k' | 'c';
  readonly points: readonly SectionPoint[];
  /** Ids that this instance no longer reports (`c`). */
  readonly removed: readonly string[];
}
