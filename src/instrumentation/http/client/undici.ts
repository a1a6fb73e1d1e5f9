import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { INVALID_SPAN_CONTEXT, type MeterProvider, trace, type TracerProvider } from '@opentelemetry/api';
import type * as UndiciModule from '@opentelemetry/instrumentation-undici';

import { guarded } from '../../guarded-listener.js';
import type { Instrumentation } from '../../instrumentation.js';
import type * as RequireHookModule from '../../packages/require-hook.js';

/** The first that undici publishes of a request, and what `fetch` does with it. */
const CREATED_CHANNEL = 'undici:request:create';

/** Makes spans that are none: nothing is exported of them, and no propagator writes a header for them. */
const withoutSpans: TracerProvider = {
  getTracer: () => ({
    startSpan: () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
    startActiveSpan: () => undefined as never,
  }),
};

/**
 * `http.client.request.duration` of `fetch` and undici, by OpenTelemetry's own instrumentation, which only listens to channels.
 * It is loaded with the first request: with it come 60 files, and many processes never use it. Left to itself it would make
 * spans by the application's tracer, and write headers a second time.
 */
export function instrumentUndici(meterProvider: MeterProvider): Instrumentation {
  let instrumentation: UndiciModule.UndiciInstrumentation | undefined;
  const onCreated = guarded('requests of fetch and undici are not measured', (message) => {
    if (instrumentation !== undefined) return;
    const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici') as typeof UndiciModule;
    instrumentation = new UndiciInstrumentation();
    instrumentation.setTracerProvider(withoutSpans);
    instrumentation.setMeterProvider(meterProvider);
    (require('../../packages/require-hook.js') as typeof RequireHookModule).releaseRequireHook();
    // It listens from the next request on.
    const created: unknown = Reflect.get(instrumentation, 'onRequestCreated');
    if (typeof created === 'function') Reflect.apply(created, instrumentation, [message]);
    // Not at once: a channel that is published to would leave out the listener behind ours.
    setImmediate(() => unsubscribe(CREATED_CHANNEL, onCreated)).unref();
  });
  subscribe(CREATED_CHANNEL, onCreated);
  return {
    stop() {
      unsubscribe(CREATED_CHANNEL, onCreated);
      instrumentation?.disable();
    },
  };
}
