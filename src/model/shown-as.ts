import type { Family } from './family.js';
import type { Series } from './series.js';

/**
 * Which additive series are shown as one: versions of a histogram with other buckets, families whose units are not shown,
 * scopes that are not shown. Only the exposition knows it.
 */
export interface ShownAs {
  /** Equal for families that are shown as one metric. */
  metric(family: Family): string;
  /** Equal for series of one metric that are shown as one. */
  labels(series: Series): string;
}

/** Without an exposition, only the versions of a histogram are one. */
export const SHOWN_AS_STORED: ShownAs = {
  metric: ({ key, name, type, unit }) => (type === 'histogram' ? JSON.stringify([name, unit]) : key),
  labels: ({ id }) => id,
};
