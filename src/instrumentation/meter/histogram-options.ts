import type { MetricOptions } from '@opentelemetry/api';

import { areBoundaries, mendBoundaries } from '../../model/boundaries.js';
import { BYTES_BOUNDARIES, HTTP_DURATION_BOUNDARIES } from './boundaries.js';
import type { ObservationLosses } from './observation-losses.js';

/** By unit, in that unit. Without them the SDK's default applies, which is meant for milliseconds and ends at 10,000. */
const BOUNDARIES: ReadonlyMap<string, readonly number[]> = new Map([
  ['s', HTTP_DURATION_BOUNDARIES],
  ['By', BYTES_BOUNDARIES],
]);

/**
 * The options of a histogram with boundaries that it can have: those that it names, mended where they are not finite, distinct and
 * ascending; else those that fit its unit. They are the instrument's advice, so that a view still wins. A view could not do this: it
 * cannot see whether an instrument brought boundaries, and would override them.
 */
export function histogramOptions(
  name: string,
  options: MetricOptions | undefined,
  losses: ObservationLosses,
): MetricOptions | undefined {
  const given: readonly unknown[] | undefined = options?.advice?.explicitBucketBoundaries;
  const fitting = BOUNDARIES.get(options?.unit ?? '');
  if (given === undefined) return fitting === undefined ? options : withBoundaries(options, fitting);
  if (areBoundaries(given)) return options;
  const mended = mendBoundaries(given);
  // Nothing usable was given; an empty list would have meant one bucket.
  const used = mended.length === 0 ? (fitting ?? []) : mended;
  losses.mended(name, given, used);
  return withBoundaries(options, used);
}

function withBoundaries(options: MetricOptions | undefined, boundaries: readonly number[]): MetricOptions {
  return { ...options, advice: { ...options?.advice, explicitBucketBoundaries: [...boundaries] } };
}
