import type { Family } from '../../model/family.js';
import type { Attributes, Series } from '../../model/series.js';

/** One additive series (or the last value of a `keep` family), as a store holds it. */
export interface StoredSeries {
  readonly series: Series;
  readonly updatedMs: number;
  /** When the series started from zero; for a `keep` family when its value was first seen. */
  readonly startMs: number;
  /** The snapshot keeps this object: a store that adds in place hands over a copy. */
  readonly values: ArrayLike<number>;
}

export interface StoredFamily {
  readonly family: Family;
  /** When the project first saw this family; orders the exposition and decides which of two conflicting types is the later. */
  readonly createdMs: number;
  /** Additive and kept values; empty for families that only exist per instance. */
  readonly series: Iterable<StoredSeries>;
}

/** One current value of one live instance. */
export interface StoredValue {
  readonly familyKey: string;
  readonly series: Series;
  /** When the value was first seen, by the store's clock. */
  readonly recordedMs: number;
  readonly value: number;
}

export interface StoredInstance {
  readonly lease: string;
  readonly resource: Attributes;
  readonly values: Iterable<StoredValue>;
}

/** Everything a store knows at the moment of a scrape; `instances` are the live ones only. */
export interface StoredState {
  readonly nowMs: number;
  readonly families: Iterable<StoredFamily>;
  readonly instances: readonly StoredInstance[];
}
