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

/** One live process, as its per-instance series name it. */
export interface SnapshotInstance {
  /** The value of their `service.instance.id`. */
  readonly id: string;
  /** Its resource attributes; the same object in the next snapshot, as a rule. */
  readonly resource: Attributes;
}

/** The content of a scrape: all live series of the project, oldest family first. */
export interface Snapshot {
  /** Resource attributes that all live instances share. */
  readonly resource: Attributes;
  /** Number of live instances. */
  readonly instances: number;
  /** The live instances one by one. A store of another author may leave it out. */
  readonly processes?: readonly SnapshotInstance[];
  readonly families: readonly SnapshotFamily[];
}
