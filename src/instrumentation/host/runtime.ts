import type { MeterProvider } from '@opentelemetry/api';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';

import type { Instrumentation } from '../instrumentation.js';

export interface RuntimeOptions {
  readonly meterProvider: MeterProvider;
  /** How often the event loop's delay is sampled, in milliseconds; default 10. */
  readonly precision?: number | undefined;
}

/**
 * `nodejs.eventloop.*` (delay, utilization, time), `v8js.gc.duration`, `v8js.memory.heap.*` and `v8js.resource.active`, by
 * OpenTelemetry's own instrumentation.
 */
export function instrumentRuntime({ meterProvider, precision = 10 }: RuntimeOptions): Instrumentation {
  const instrumentation = new RuntimeNodeInstrumentation({ monitoringPrecision: precision });
  instrumentation.setMeterProvider(meterProvider);
  return { stop: () => instrumentation.disable() };
}
