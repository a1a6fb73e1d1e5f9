import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics';

import type { ObservationLosses } from '../../instrumentation/meter/observation-losses.js';
import { areBoundaries, mendBoundaries } from '../../model/boundaries.js';

/**
 * The application's views, with boundaries that a histogram can have, and with as many series as the setting says where a view says
 * nothing: the SDK's own 2000 would hold whatever the setting.
 */
export function mendViews(
  views: readonly ViewOptions[],
  maxSeries: number,
  losses: ObservationLosses,
): ViewOptions[] {
  return views.map((view) => ({
    // Beside those that are kept apart, the SDK keeps its overflow.
    aggregationCardinalityLimit: maxSeries + 1,
    ...view,
    ...mendAggregation(view, losses),
  }));
}

function mendAggregation(
  { name, instrumentName, aggregation }: ViewOptions,
  losses: ObservationLosses,
): Pick<ViewOptions, 'aggregation'> | undefined {
  if (aggregation?.type !== AggregationType.EXPLICIT_BUCKET_HISTOGRAM) return undefined;
  const { options } = aggregation;
  if (options === undefined || areBoundaries(options.boundaries)) return undefined;
  const boundaries = [...mendBoundaries(options.boundaries)];
  losses.mended(name ?? instrumentName ?? '*', options.boundaries, boundaries);
  return { aggregation: { ...aggregation, options: { ...options, boundaries } } };
}
