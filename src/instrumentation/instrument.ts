import { isAbsolute } from 'node:path';

import { metrics } from '@opentelemetry/api';

import { isOwnServer } from '../own-traffic/own-traffic.js';
import { version } from '../version.js';
import type { BoundMeter } from './meter/bound-meter.js';
import { instrumentDatabases } from './databases/databases.js';
import { fillBoundaries } from './meter/default-boundaries.js';
import { instrumentFrameworks } from './frameworks/frameworks.js';
import { instrumentHost } from './host/host-metrics.js';
import { instrumentProcess } from './host/process-metrics.js';
import type { SwitchableInstrumentation } from './host/switchable.js';
import { instrumentHttpClient } from './http/client/client.js';
import type { HttpMetricNames } from './http/metric-names.js';
import { instrumentHttpServer } from './http/server/server.js';
import type { Instrumentation } from './instrumentation.js';
import { createPathFilter } from './http/path-filter.js';
import { instrumentEventLoop } from './host/event-loop-metrics.js';
import { instrumentRuntime } from './host/runtime.js';

export interface InstrumentOptions {
  readonly names: readonly HttpMetricNames[];
  /** Seconds; undefined: those of the semantic conventions. */
  readonly boundaries: readonly number[] | undefined;
  readonly bodySizes: boolean;
  /** Globs of paths that are not measured. */
  readonly ignorePaths: readonly string[];
  /** Globs of paths whose requests are left open on purpose. */
  readonly waitingPaths: readonly string[];
  /** Methods that become label values; undefined: those of the semantic conventions. */
  readonly knownMethods: readonly string[] | undefined;
  /** Milliseconds between two flushes. */
  readonly flushMs: number;
  /** The application's main file. */
  readonly main?: string | undefined;
  /** HTTP durations go there; default the global MeterProvider. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** `traceInstrumentations` were given to the SDK: they bring the metrics of some databases with them. */
  readonly traced?: boolean | undefined;
  /** `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and `_DISABLED_`: names of database drivers. Default: all but ioredis, none. */
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}

export interface Instruments extends Instrumentation {
  /** Metrics of the host, which one of its processes collects; off until started. */
  readonly host: SwitchableInstrumentation;
}

/** Starts every instrumentation that needs no call of the application's, on the global MeterProvider. */
export function instrument(options: InstrumentOptions): Instruments {
  const { names, instruments, knownMethods, traced = false, enabled, disabled } = options;
  // Without a file (`node -e`, a REPL) there is nothing to find packages from.
  const main = options.main !== undefined && isAbsolute(options.main) ? options.main : undefined;
  const meterProvider = metrics.getMeterProvider();
  fillBoundaries(meterProvider);
  const meter = metrics.getMeter('@org/orchestrator', version);
  const host = instrumentHost(meterProvider);
  const running: Instrumentation[] = [
    instrumentHttpServer({
      ...options,
      meter,
      isOwnServer,
      ignore: createPathFilter(options.ignorePaths),
      isWaitingPath: createPathFilter(options.waitingPaths),
    }),
    instrumentFrameworks({ main, actions: names.includes('prometheus-net') }),
    instrumentHttpClient({ meter, instruments, knownMethods }),
    instrumentRuntime({ meterProvider }),
    instrumentEventLoop(meterProvider, options.flushMs),
    instrumentProcess(meterProvider),
    host,
  ];
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
