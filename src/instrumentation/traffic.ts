import type { MeterProvider } from '@opentelemetry/api';

import { isOwnServer } from '../own-traffic/own-traffic.js';
import { version } from '../version.js';
import { instrumentDatabases } from './databases/databases.js';
import { instrumentFrameworks } from './frameworks/frameworks.js';
import { instrumentHttpClient } from './http/client/client.js';
import type { HttpMetricNames } from './http/metric-names.js';
import { createPathFilter } from './http/path-filter.js';
import { instrumentHttpServer } from './http/server/server.js';
import type { Instrumentation } from './instrumentation.js';
import type { BoundMeter } from './meter/bound-meter.js';

export interface TrafficOptions {
  readonly names: readonly HttpMetricNames[];
  /** Seconds; undefined: those of the semantic conventions. */
  readonly boundaries: readonly number[] | undefined;
  readonly bodySizes: boolean;
  /** Globs of paths that are not measured. */
  readonly ignorePaths: readonly string[];
  /** Globs of paths whose requests are left open on purpose. */
  readonly waitingPaths: readonly string[];
  /** Routes that are made from paths where no framework names one; 0: none. Default 200. */
  readonly maxNormalizedRoutes?: number | undefined;
  /** Methods that become label values; undefined: those of the semantic conventions. */
  readonly knownMethods: readonly string[] | undefined;
  /** Packages are looked for from this file, an absolute path: the application's main file. */
  readonly main: string;
  /** HTTP durations go there; default the MeterProvider. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** `traceInstrumentations` were given to the SDK: they bring the metrics of some databases with them. */
  readonly traced?: boolean | undefined;
  /** `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and `_DISABLED_`: names of database drivers. Default: all but ioredis, none. */
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}

/**
 * Measures requests, in and out, and commands to databases. Call it before the application loads its frameworks and drivers.
 * It loads no SDK.
 */
export function instrumentTraffic(meterProvider: MeterProvider, options: TrafficOptions): Instrumentation {
  const { main, names, instruments, knownMethods, traced = false, enabled, disabled } = options;
  const meter = meterProvider.getMeter('@org/orchestrator', version);
  const upstream = traced ? undefined : meterProvider;
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
    instrumentDatabases({ main, meter, instruments, meterProvider: upstream, enabled, disabled }),
  ];
  return {
    stop() {
      for (const each of running.splice(0)) each.stop();
    },
  };
}
