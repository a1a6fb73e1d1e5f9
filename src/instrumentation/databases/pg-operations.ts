import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';

import { sqlVerb } from './sql-verb.js';

const OPERATION = 'db.operation.name';

/**
 * instrumentation-pg (0.77) takes for an operation all text up to the first space: of a statement in several lines a part of
 * the statement. This leaves the verb of it, so that no text gets out and not every statement is a series. To be called
 * before the instrumentation is given its MeterProvider.
 */
export function limitPgOperations(instrumentation: Instrumentation): void {
  const setMeterProvider = instrumentation.setMeterProvider.bind(instrumentation);
  instrumentation.setMeterProvider = (provider) =>
    setMeterProvider({ getMeter: (...scope) => limitMeter(provider.getMeter(...scope)) });
}

const limited = new WeakSet<Meter>();

/** In place: a provider answers the same meter each time, and what it is made of is the SDK's business. */
function limitMeter(meter: Meter): Meter {
  if (limited.has(meter)) return meter;
  limited.add(meter);
  const createHistogram = meter.createHistogram.bind(meter);
  meter.createHistogram = (name, options) => limitHistogram(createHistogram(name, options));
  return meter;
}

function limitHistogram(histogram: Histogram): Histogram {
  const record = histogram.record.bind(histogram);
  histogram.record = (value, attributes, context) => record(value, withVerb(attributes), context);
  return histogram;
}

function withVerb(attributes: Attributes | undefined): Attributes | undefined {
  const operation = attributes?.[OPERATION];
  return operation === undefined ? attributes : { ...attributes, [OPERATION]: sqlVerb(operation) };
}
