import type { Meter, MeterProvider, MetricOptions } from '@opentelemetry/api';

import { BYTES_BOUNDARIES, HTTP_DURATION_BOUNDARIES } from '../http/semconv-recorder.js';

/** By unit, in that unit. Without them the SDK's default applies, which is meant for milliseconds and ends at 10,000. */
const BOUNDARIES: ReadonlyMap<string, readonly number[]> = new Map([
  ['s', HTTP_DURATION_BOUNDARIES],
  ['By', BYTES_BOUNDARIES],
]);

const filled = new WeakSet<object>();

/**
 * Gives every histogram that names no boundaries of its own those that fit its unit. They become the instrument's advice, so
 * that a view still wins. A view could not do this: it cannot see whether an instrument brought boundaries, and would
 * override them.
 *
 * Changes `provider` in place. Call it before the application asks for meters.
 */
export function fillBoundaries(provider: MeterProvider): void {
  if (filled.has(provider)) return;
  filled.add(provider);
  const getMeter = provider.getMeter.bind(provider);
  provider.getMeter = (name, version, options) => fillMeter(getMeter(name, version, options));
}

function fillMeter(meter: Meter): Meter {
  if (filled.has(meter)) return meter;
  filled.add(meter);
  const createHistogram = meter.createHistogram.bind(meter);
  meter.createHistogram = (name, options) => createHistogram(name, withBoundaries(options));
  return meter;
}

function withBoundaries(options: MetricOptions | undefined): MetricOptions | undefined {
  const boundaries = BOUNDARIES.get(options?.unit ?? '');
  if (boundaries === undefined || options?.advice?.explicitBucketBoundaries !== undefined) return options;
  return { ...options, advice: { ...options?.advice, explicitBucketBoundaries: [...boundaries] } };
}
