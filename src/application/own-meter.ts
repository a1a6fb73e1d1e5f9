import { type Meter, type MeterProvider, metrics } from '@opentelemetry/api';

const KEY = Symbol.for('@org/orchestrator/meter-provider');

/**
 * The meter of what this package measures on the application's word: of the MeterProvider that runs in this process, of
 * whichever copy of this package. It need not be the global one, which the application may have taken. Where nothing runs it
 * is the global one, so that a `StoreMetricReader` in the application's own MeterProvider gets it.
 */
export function ownMeter(): Meter {
  const provider = Reflect.get(globalThis, KEY) as MeterProvider | undefined;
  return (provider ?? metrics).getMeter('@org/orchestrator');
}

/** @param provider undefined: it has ended */
export function setOwnMeterProvider(provider: MeterProvider | undefined): void {
  if (provider === undefined) Reflect.deleteProperty(globalThis, KEY);
  else Reflect.set(globalThis, KEY, provider);
}
