import { metrics } from '@opentelemetry/api';

import { version } from '../version.js';
import type { BoundMeter } from './bound-meter.js';
import { fillBoundaries } from './default-boundaries.js';
import { instrumentFrameworks } from './frameworks.js';
import { instrumentHost, instrumentProcess, type SwitchableInstrumentation } from './host.js';
import { instrumentHttpClient, instrumentUndici } from './http-client.js';
import { instrumentHttpServer, type HttpMetricNames, type Instrumentation } from './http-server.js';
import { createPathFilter } from './path-filter.js';
import { instrumentRuntime } from './runtime.js';

export interface InstrumentOptions {
  /** Names of the HTTP server metrics. */
  readonly names: readonly HttpMetricNames[];
  /** Buckets of `http.server.request.duration` in seconds; undefined: those of the semantic conventions. */
  readonly boundaries: readonly number[] | undefined;
  readonly bodySizes: boolean;
  /** Globs of paths that are not measured. */
  readonly ignorePaths: readonly string[];
  /** Servers that are not measured. */
  readonly isOwnServer: (server: object) => boolean;
  /** Where what is measured per request goes; undefined: the MeterProvider. */
  readonly instruments: BoundMeter | undefined;
  /** Traces are on, and measure `fetch` and database drivers as well. */
  readonly traced: boolean;
  /** The application's main file. */
  readonly main: string | undefined;
}

export interface Instruments extends Instrumentation {
  /** Metrics of the host, which one of its processes collects; off until started. */
  readonly host: SwitchableInstrumentation;
}

/** Everything that measures by itself, on the global MeterProvider. */
export function instrument(options: InstrumentOptions): Instruments {
  const { names, ignorePaths, main, instruments, traced } = options;
  const provider = metrics.getMeterProvider();
  fillBoundaries(provider);
  const meter = provider.getMeter('@org/orchestrator', version);
  const host = instrumentHost(provider);
  const running: Instrumentation[] = [
    instrumentHttpServer({ ...options, meter, ignore: createPathFilter(ignorePaths) }),
    instrumentFrameworks({ main, actions: names.includes('prometheus-net') }),
    instrumentHttpClient({ meter, instruments }),
    instrumentRuntime({ meterProvider: provider }),
    instrumentProcess(provider),
    host,
  ];
  if (!traced) running.push(instrumentUndici(provider));
  return {
    host,
    stop() {
      for (const one of running.splice(0)) one.stop();
    },
  };
}
