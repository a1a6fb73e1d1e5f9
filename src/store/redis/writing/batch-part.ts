import type { Family } from '../../../model/family.js';
import type { Series } from '../../../model/series.js';

/** Points in one script call at the most; about 5 ms of Redis for series of 18 numbers, at the measured 4.4 us each. */
export const PART_POINTS = 1000;

export interface SectionPoint {
  readonly series: Series;
  readonly values?: readonly number[];
  /** Current values. */
  readonly value?: number;
  /** Current values: when this one was first seen, by `performance.now()`. */
  readonly changedMark?: number;
}

/**
 * The points of one family in one script call. `d` adds, `e` adds exponential histograms, `k` keeps the newest, `c` sets
 * this instance's own.
 */
export interface BatchSection {
  readonly family: Family;
  readonly mode: 'd' | 'e' | 'k' | 'c';
  /** Numbers for each point; `e`: for the widest. */
  readonly width: number;
  readonly points: readonly SectionPoint[];
  /** Ids that this instance no longer reports (`c`). */
  readonly removed: readonly string[];
}

/** What one script call applies. */
export interface BatchPart {
  readonly position: number;
  readonly previous: number;
  readonly deltas: readonly BatchSection[];
  readonly current: readonly BatchSection[];
}

export function pointsOf(sections: readonly BatchSection[]): number {
  return sections.reduce((sum, { points }) => sum + points.length, 0);
}
