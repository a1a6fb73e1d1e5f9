import { isAbsolute } from 'node:path';

import type { MeterProvider } from '@opentelemetry/api';

import { isOwnServer } from '../own-traffic/own-traffic.js';
import { version } from '../version.js';
import type { BoundMeter } from './meter/bound-meter.js';
import { instrumentDatabases } from './databases/databases.js';
import { guardInstruments, type GuardOptions } from './meter/guard-instruments.js';
import { instrumentFrameworks } from './frameworks/frameworks.js';
import { instrumentHost } from './host/host-metrics.js';
import { instrumentProcess } from './host/process-metrics.js';
import type { SwitchableInstrumentation } from './host/switchable.js';
import { instrumentHttpClient, instrumentUndici } from './http/client/client.js';
import type { HttpMetricNames } from './http/metric-names.js';
import { instrumentHttpServer } from './http/server/server.js';
import type { Instrumentation } from './instrumentation.js';
import { createPathFilter } from './http/path-filter.js';
import { instrumentEventLoop } from './host/event-loop-metrics.js';
import { instrumentRuntime } from './host/runtime.js';

export interface InstrumentOptions {
  /** Gets everything that is measured; its histograms get boundaries by their unit. */
  readonly meterProvider: MeterProvider;
  readonly names: readonly HttpMetricNames[];
  /** Seconds; undefined: those of the semantic conventions. */
  readonly boundaries: readonly number[] | undefined;
  readonly bodySizes: boolean;
  /** Globs of paths that are not measured. */
  readonly ignorePaths: readonly string[];
  /** Milliseconds between two flushes. */
  readonly flushMs: number;
  /** The application's main file. */
  readonly main?: string | undefined;
  /** HTTP durations go there; default `meterProvider`. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** `traceInstrumentations` were given to the SDK: they bring the metrics of undici and of some databases with them. */
  readonly traced?: boolean | undefined;
  /** What the instruments of the application, and those of ours that pass through the SDK, refuse and cut. */
  readonly guard?: GuardOptions | undefined;
  /** `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and `_DISABLED_`: names of database drivers. Default: all but ioredis, none. */
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}

export interface Instruments extends Instrumentation {
  /** Metrics of the host, which one of its processes collects; off until started. */
  readonly host: SwitchableInstrumentation;
}

/** Starts every instrumentation that needs no call of the application's, on one MeterProvider. */
export function instrument(options: InstrumentOptions): Instruments {
  const { meterProvider, names, instruments, traced = false, enabled, disabled } = options;
  // Without a file (`node -e`, a REPL) there is nothing to find packages from.
  const main = options.main !== undefined && isAbsolute(options.main) ? options.main : undefined;
  guardInstruments(meterProvider, options.guard);
  const meter = meterProvider.getMeter('@org/orchestrator', version);
  const host = instrumentHost(meterProvider);
  const running: Instrumentation[] = [
    instrumentHttpServer({ ...options, meter, isOwnServer, ignore: createPathFilter(options.ignorePaths) }),
    instrumentFrameworks({ main, actions: names.includes('prometheus-net') }),
    instrumentHttpClient({ meter, instruments }),
    instrumentRuntime({ meterProvider }),
    instrumentEventLoop(meterProvider, options.flushMs),
    instrumentProcess(meterProvider),
    host,
  ];
  if (!traced) running.push(instrumentUndici(meterProvider));
  if (main !== undefined) {
    const upstream = traced ? undefined : meterProvider;
    running.push(
      instrumentDatabases({ main, meter, instruments, meterProvider: upstream, enabled, disabled }),
    );
  }
  return {
    host,
    stop() {
      for (const each of running.splice(0)) each.stop();
    },
  };
}
