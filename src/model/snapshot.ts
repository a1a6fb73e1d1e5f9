import type { Family } from './family.js';
import type { Attributes, Series } from './series.js';

/** One series of a snapshot; `values` as in `DeltaPoint`, and `[value]` for gauges and up-down counters. */
export interface SnapshotSeries {
  readonly series: Series;
  /** Unix milliseconds at which this series started from zero; 0 for per-instance values. */
  readonly startMs: number;
  readonly values: ArrayLike<number>;
}

/** One metric of the whole project. */
export interface SnapshotFamily {
  readonly family: Family;
  readonly series: readonly SnapshotSeries[];
}

/** The content of a scrape: all live series of the project, oldest family first. */
export interface Snapshot {
  /** Resource attributes that all live instances share. */
  readonly resource: Attributes;
  /** Number of live instances. */
  readonly instances: number;
  readonly families: readonly SnapshotFamily[];
}
