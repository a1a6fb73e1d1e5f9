import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';

import { sqlVerb } from './sql-verb.js';

const OPERATION = 'db.operation.name';

/**
 * instrumentation-pg (0.77) takes all text up to the first space for the operation, which is a part of the statement when
 * that has several lines. This leaves its verb, so that no text becomes a label and not every statement is a series. Call it
 * before the instrumentation is given its MeterProvider.
 */
export function limitPgOperations(instrumentation: Instrumentation): void {
  const setMeterProvider = instrumentation.setMeterProvider.bind(instrumentation);
  instrumentation.setMeterProvider = (provider) =>
    setMeterProvider({ getMeter: (...scope) => limitMeter(provider.getMeter(...scope)) });
}

const limited = new WeakSet<Meter>();

/** Changes the meter in place: a provider answers the same meter each time, and its class is the SDK's business. */
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
