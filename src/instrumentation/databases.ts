import { createRequire } from 'node:module';

import { diag, type MeterProvider, ProxyTracerProvider } from '@opentelemetry/api';
import type { Instrumentation as OtelInstrumentation } from '@opentelemetry/instrumentation';

import type { Instrumentation } from './http-server.js';
import { applicationOf, findPackage } from './installed-package.js';

/**
 * Drivers whose upstream instrumentation has metrics. That of mysql2, mysql, ioredis and redis has none (0.66 to 0.68), so
 * there is nothing to switch on for them.
 */
const DRIVERS: Readonly<Record<string, { readonly package: string; readonly type: string }>> = {
  pg: { package: '@opentelemetry/instrumentation-pg', type: 'PgInstrumentation' },
  mongodb: { package: '@opentelemetry/instrumentation-mongodb', type: 'MongoDBInstrumentation' },
};

const AUTO = '@opentelemetry/auto-instrumentations-node';

/**
 * `db.client.operation.duration` and `db.client.connection.*`, without spans, for each driver that the application declares
 * and whose instrumentation it has, by itself or with `@opentelemetry/auto-instrumentations-node`. To be called before the
 * application loads its drivers; not together with `traceInstrumentations`, which brings the same with spans.
 */
export function instrumentDatabases(main: string, meterProvider: MeterProvider): Instrumentation {
  const { dependencies } = applicationOf(main);
  const running: OtelInstrumentation[] = [];
  for (const [driver, upstream] of Object.entries(DRIVERS)) {
    if (!dependencies.has(driver) || findPackage(driver, main) === undefined) continue;
    const instrumentation = load(upstream.package, upstream.type, main);
    if (instrumentation === undefined) continue;
    // Spans of a tracer that never gets a provider cost nothing and go nowhere.
    instrumentation.setTracerProvider(new ProxyTracerProvider());
    instrumentation.setMeterProvider(meterProvider);
    running.push(instrumentation);
  }
  return {
    stop() {
      for (const each of running.splice(0)) each.disable();
    },
  };
}

function load(name: string, type: string, main: string): OtelInstrumentation | undefined {
  const resolved = resolve(name, main);
  if (resolved === undefined) return undefined;
  try {
    const exports: unknown = createRequire(main)(resolved);
    const found: unknown =
      typeof exports === 'object' && exports !== null ? Reflect.get(exports, type) : undefined;
    return typeof found === 'function' ? new (found as new () => OtelInstrumentation)() : undefined;
  } catch (error) {
    diag.warn(`orchestrator: ${name} is not used`, error);
    return undefined;
  }
}

function resolve(name: string, main: string): string | undefined {
  const fromApplication = createRequire(main);
  try {
    return fromApplication.resolve(name);
  } catch {
    // Strict package managers put it where only the package that depends on it finds it.
  }
  try {
    return createRequire(fromApplication.resolve(AUTO)).resolve(name);
  } catch {
    return undefined;
  }
}
