import { metrics } from '@opentelemetry/api';
import { HostMetrics } from '@opentelemetry/host-metrics';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';

import { version } from '../version.js';
import { instrumentFrameworks } from './frameworks.js';
import { instrumentHttpServer, type HttpMetricNames } from './http-server.js';
import { createPathFilter } from './path-filter.js';

export interface InstrumentOptions {
  readonly names: readonly HttpMetricNames[];
  /** Seconds; undefined: those of the semantic conventions. */
  readonly boundaries: readonly number[] | undefined;
  readonly bodySizes: boolean;
  /** Globs of paths that are not measured. */
  readonly ignorePaths: readonly string[];
  /** Servers that are not measured. */
  readonly isOwnServer: (server: object) => boolean;
  /** The application's main file. */
  readonly main?: string | undefined;
}

export interface Instruments {
  stop(): void;
}

/** Everything that measures by itself, on the global MeterProvider. */
export function instrument(options: InstrumentOptions): Instruments {
  const meter = metrics.getMeter('@org/orchestrator', version);
  const running: Instruments[] = [
    instrumentHttpServer({ ...options, meter, ignore: createPathFilter(options.ignorePaths) }),
    instrumentFrameworks({ main: options.main, actions: options.names.includes('prometheus-net') }),
  ];
  const runtime = new RuntimeNodeInstrumentation();
  runtime.setMeterProvider(metrics.getMeterProvider());
  new HostMetrics({ meterProvider: metrics.getMeterProvider() }).start();
  return {
    stop() {
      runtime.disable();
      for (const one of running) one.stop();
    },
  };
}
