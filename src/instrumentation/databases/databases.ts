import { type Meter, type MeterProvider, ProxyTracerProvider } from '@opentelemetry/api';
import type { Instrumentation as OtelInstrumentation } from '@opentelemetry/instrumentation';

import { type BoundMeter, bindMeter } from '../meter/bound-meter.js';
import { instrumentDriver, PUBLISHING_DRIVERS } from './driver-commands.js';
import type { Instrumentation } from '../instrumentation.js';
import { applicationOf, findPackage } from '../packages/installed-package.js';
import { loadUpstream } from '../packages/load-upstream.js';
import type * as RequireHookModule from '../packages/require-hook.js';
import { isRecord } from '../packages/manifest.js';
import { instrumentMysql2Pools } from './mysql2-pools.js';
import { createOperationDuration } from './operation-series.js';
import { limitPgOperations } from './pg-operations.js';

export interface DatabaseOptions {
  /** The application's main file. */
  readonly main: string;
  readonly meter: Meter;
  /** Durations go there; default the `meter`. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /**
   * For upstream instrumentations, which patch the driver when it is loaded. Undefined together with
   * `traceInstrumentations`, which brings the same with spans.
   */
  readonly meterProvider: MeterProvider | undefined;
  /** `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and `_DISABLED_`: names of drivers. Default: all but ioredis, none. */
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}

/** Drivers that publish nothing, and whose upstream instrumentation has metrics. */
const PATCHED_DRIVERS: Readonly<Record<string, { readonly package: string; readonly type: string }>> = {
  pg: { package: '@opentelemetry/instrumentation-pg', type: 'PgInstrumentation' },
  mysql: { package: '@opentelemetry/instrumentation-mysql', type: 'MySQLInstrumentation' },
  mongodb: { package: '@opentelemetry/instrumentation-mongodb', type: 'MongoDBInstrumentation' },
};

/**
 * `db.client.operation.duration` and `db.client.connection.*`, without spans, for each driver that the application declares
 * and has. A driver that publishes its commands needs nothing else. Others need their upstream instrumentation, by itself or
 * with `@opentelemetry/auto-instrumentations-node`. Call it before the application loads its drivers.
 */
export function instrumentDatabases(options: DatabaseOptions): Instrumentation {
  const { main, meter, instruments = bindMeter(meter), meterProvider } = options;
  const drivers = driversOf(options);
  const running: Instrumentation[] = [];
  const published = drivers.flatMap((driver) => PUBLISHING_DRIVERS[driver] ?? []);
  if (published.length > 0) {
    const duration = createOperationDuration(instruments);
    for (const driver of published) running.push(instrumentDriver(driver, duration));
  }
  if (drivers.includes('mysql2')) running.push(instrumentMysql2Pools(meter));
  for (const driver of drivers) {
    const upstream = meterProvider && upstreamOf(driver, main, meterProvider);
    if (upstream === undefined) continue;
    running.push({ stop: () => upstream.disable() });
    (require('../packages/require-hook.js') as typeof RequireHookModule).releaseRequireHook();
  }
  return {
    stop() {
      for (const each of running.splice(0)) each.stop();
    },
  };
}

/** The drivers that the application declares, has, and wants measured. */
function driversOf({ main, enabled = [], disabled = [] }: DatabaseOptions): string[] {
  const { dependencies } = applicationOf(main);
  return [...Object.keys(PUBLISHING_DRIVERS), ...Object.keys(PATCHED_DRIVERS)].filter(
    (driver) =>
      dependencies.has(driver) &&
      (enabled.length === 0 ? !PUBLISHING_DRIVERS[driver]?.optIn : enabled.includes(driver)) &&
      !disabled.includes(driver) &&
      findPackage(driver, main) !== undefined,
  );
}

function upstreamOf(
  driver: string,
  main: string,
  meterProvider: MeterProvider,
): OtelInstrumentation | undefined {
  const upstream = PATCHED_DRIVERS[driver];
  const instrumentation =
    upstream && loadUpstream(upstream.package, main, (exports) => construct(exports, upstream.type));
  if (instrumentation !== undefined && driver === 'pg') limitPgOperations(instrumentation);
  // Spans of a tracer that never gets a provider cost nothing and go nowhere.
  instrumentation?.setTracerProvider(new ProxyTracerProvider());
  instrumentation?.setMeterProvider(meterProvider);
  return instrumentation;
}

function construct(exports: unknown, type: string): OtelInstrumentation | undefined {
  const found = isRecord(exports) ? exports[type] : undefined;
  return typeof found === 'function' ? new (found as new () => OtelInstrumentation)() : undefined;
}
