import type { MeterProvider } from '@opentelemetry/api';

import { instrumentEventLoop } from './host/event-loop-metrics.js';
import { instrumentHost } from './host/host-metrics.js';
import { instrumentProcess } from './host/process-metrics.js';
import { instrumentRuntime } from './host/runtime.js';
import type { SwitchableInstrumentation } from './host/switchable.js';
import type { Instrumentation } from './instrumentation.js';
import { guardInstruments, type GuardOptions } from './meter/guard-instruments.js';
import { instrumentTraffic, type TrafficOptions } from './traffic.js';

export interface InstrumentOptions extends TrafficOptions {
  /** Gets everything that is measured; its histograms get boundaries by their unit. */
  readonly meterProvider: MeterProvider;
  /** Milliseconds between two flushes. */
  readonly flushMs: number;
  /** What the instruments of the application, and those of ours that pass through the SDK, refuse and cut. */
  readonly guard?: GuardOptions | undefined;
  /** What {@link instrumentTraffic} began earlier. Default: it begins now. */
  readonly traffic?: Instrumentation | undefined;
}

export interface Instruments extends Instrumentation {
  /** Metrics of the host, which one of its processes collects; off until started. */
  readonly host: SwitchableInstrumentation;
}

/** Starts every instrumentation that needs no call of the application's, on one MeterProvider. */
export function instrument(options: InstrumentOptions): Instruments {
  const { meterProvider } = options;
  guardInstruments(meterProvider, options.guard);
  const host = instrumentHost(meterProvider);
  const running: Instrumentation[] = [
    options.traffic ?? instrumentTraffic(meterProvider, options),
    instrumentRuntime({ meterProvider }),
    instrumentEventLoop(meterProvider, options.flushMs),
    instrumentProcess(meterProvider),
    host,
  ];
  return {
    host,
    stop() {
      for (const each of running.splice(0)) each.stop();
    },
  };
}
