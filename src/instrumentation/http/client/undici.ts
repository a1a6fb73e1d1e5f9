import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import type { MeterProvider } from '@opentelemetry/api';
import type * as UndiciModule from '@opentelemetry/instrumentation-undici';

import { guarded } from '../../guarded-listener.js';
import type { Instrumentation } from '../../instrumentation.js';

/** The first that undici publishes of a request, and what `fetch` does with it. */
const CREATED_CHANNEL = 'undici:request:create';

/**
 * `http.client.request.duration` of `fetch` and undici, by OpenTelemetry's own instrumentation, which only listens to channels.
 * It is loaded with the first request: with it come 60 files, and many processes never use it.
 */
export function instrumentUndici(meterProvider: MeterProvider): Instrumentation {
  let instrumentation: UndiciModule.UndiciInstrumentation | undefined;
  const onCreated = guarded('requests of fetch and undici are not measured', (message) => {
    if (instrumentation !== undefined) return;
    const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici') as typeof UndiciModule;
    instrumentation = new UndiciInstrumentation();
    instrumentation.setMeterProvider(meterProvider);
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
