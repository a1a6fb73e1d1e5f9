import { createNoopMeter, type Meter, type MeterProvider, type Observable } from '@opentelemetry/api';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';

import type { Instrumentation } from '../instrumentation.js';

export interface RuntimeOptions {
  readonly meterProvider: MeterProvider;
}

/** The largest interval of a timer, 25 days: upstream never samples the delay, which `instrumentEventLoop` does. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * `nodejs.eventloop.time`, `v8js.gc.duration`, `v8js.memory.heap.*` and `v8js.resource.active`, by OpenTelemetry's own
 * instrumentation. Its other metrics of the event loop are those of `instrumentEventLoop`.
 */
export function instrumentRuntime({ meterProvider }: RuntimeOptions): Instrumentation {
  const instrumentation = new RuntimeNodeInstrumentation({ monitoringPrecision: NEVER_MS });
  instrumentation.setMeterProvider({
    getMeter: (...scope) => withoutEventLoopGauges(meterProvider.getMeter(...scope)),
  });
  return { stop: () => instrumentation.disable() };
}

function withoutEventLoopGauges(meter: Meter): Meter {
  const noop = createNoopMeter();
  const left = new Set<Observable>();
  const filtered: Meter = Object.create(meter);
  filtered.createObservableGauge = (name, options) => {
    if (!name.startsWith('nodejs.eventloop.')) return meter.createObservableGauge(name, options);
    const gauge = noop.createObservableGauge(name);
    left.add(gauge);
    return gauge;
  };
  filtered.addBatchObservableCallback = (callback, observables) => {
    if (!observables.every((observable) => left.has(observable)))
      meter.addBatchObservableCallback(callback, observables);
  };
  return filtered;
}
