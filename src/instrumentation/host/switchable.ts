import type { BatchObservableCallback, Meter, Observable } from '@opentelemetry/api';

/** Observation that is switched on and off. Both calls are idempotent. */
export interface SwitchableInstrumentation {
  start(): void;
  stop(): void;
}

/** Observes while it is switched on; off until started. */
export function switchable(
  meter: Meter,
  callback: BatchObservableCallback,
  observables: Observable[],
): SwitchableInstrumentation {
  let running = false;
  return {
    start() {
      if (running) return;
      running = true;
      meter.addBatchObservableCallback(callback, observables);
    },
    stop() {
      if (!running) return;
      running = false;
      meter.removeBatchObservableCallback(callback, observables);
    },
  };
}
