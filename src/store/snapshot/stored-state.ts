import type { Family } from '../../model/family.js';
import type { Attributes, Series } from '../../model/series.js';

/**
 * One series of a family as a store holds it. Never changed: a store that adds to it puts a new object in its place, so that
 * a snapshot may keep this one.
 */
export interface StoredSeries {
  readonly series: Series;
  readonly updatedAtMs: number;
  /** When the series started from zero; of a current value, when the value was first seen. */
  readonly startedAtMs: number;
  readonly values: readonly number[];
}

export interface StoredFamily {
  readonly family: Family;
  /** When the project first saw this family; orders the exposition and decides which of two conflicting types is the later. */
  readonly createdAtMs: number;
  /** Additive and kept values. Not read of a family whose values exist per instance only. */
  readonly series: Iterable<StoredSeries>;
}

/** One current value of one instance. */
export interface StoredValue {
  readonly familyKey: string;
  readonly series: Series;
  /** When the value was first seen, by the store's clock. */
  readonly recordedAtMs: number;
  readonly value: number;
}

export interface StoredInstance {
  readonly lease: string;
  readonly resource: Attributes;
  readonly values: Iterable<StoredValue>;
}

/** Everything a store knows at the moment of a scrape; `instances` are the live ones only. */
export interface StoredState {
  /** The time of the scrape by the store's clock. */
  readonly atMs: number;
  readonly families: readonly StoredFamily[];
  readonly instances: readonly StoredInstance[];
}
