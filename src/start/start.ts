import { metrics } from '@opentelemetry/api';
import type { Instrumentation as OtelInstrumentation } from '@opentelemetry/instrumentation';
import { AggregationTemporality, type ViewOptions } from '@opentelemetry/sdk-metrics';

import {
  exportOptions,
  processEnvironment,
  readSettings,
  type SettingOptions,
  type Settings,
} from '../config/settings.js';
import { MetricsPipeline } from './metrics-pipeline.js';
import { OrchestratorError, reason } from '../errors.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import { AggregatingMeter } from '../instrumentation/meter/aggregating-meter.js';
import { instrument, type InstrumentOptions } from '../instrumentation/instrument.js';
import { createPathFilter } from '../instrumentation/http/path-filter.js';
import type * as TracingModule from '../instrumentation/spans/tracing.js';
import { createLog, logDiagnostics, type Log } from '../log.js';
import { upstreamReaders } from './upstream-readers.js';
import { identityOf, mainScript } from './identity.js';
import { baseResource } from './resource.js';
import { startSdk } from './sdk.js';
import { running, setRunning, type Orchestrator, type Running } from './running.js';
import { Lifecycle } from './lifecycle.js';
import { version } from '../version.js';

/** The settings of docs/configuration.md by name. An option wins over its environment variable. */
export interface StartOptions extends SettingOptions {
  /** Further OpenTelemetry instrumentations to register. */
  readonly instrumentations?: readonly OtelInstrumentation[];
  /** Views of the OpenTelemetry SDK: other buckets, fewer attributes, exponential histograms. Durations of HTTP and of most databases bypass them. */
  readonly views?: readonly ViewOptions[];
}

/**
 * Starts OpenTelemetry in this process: metrics to the store, the metrics server, HTTP, runtime and host metrics, and a
 * last flush at its end. For those who do not use the preload.
 *
 * Returns undefined when `ORCHESTRATOR_ENABLED=false` or `OTEL_SDK_DISABLED=true`.
 * Throws ORCHESTRATOR_ALREADY_STARTED when called twice, and ORCHESTRATOR_INVALID_SETTING for an invalid option.
 */
export function start(options: StartOptions = {}): Orchestrator | undefined {
  const environment = processEnvironment();
  const complaints: string[] = [];
  const settings = readSettings(environment, options, (message) => complaints.push(message));
  if (!settings.enabled || settings.sdkDisabled) return undefined;
  if (running() !== undefined) {
    throw new OrchestratorError(
      'ORCHESTRATOR_ALREADY_STARTED',
      'The orchestrator runs in this process already. Remove start(), or the preload.',
    );
  }
  const log = createLog(settings.logLevel);
  logDiagnostics(settings.logLevel, log);
  for (const complaint of complaints) log.warn(complaint);
  if (metrics.getMeterProvider().constructor.name !== 'NoopMeterProvider') {
    throw new OrchestratorError(
      'ORCHESTRATOR_ALREADY_STARTED',
      'Another OpenTelemetry SDK has registered its MeterProvider before. Start the orchestrator first, or add StoreMetricReader to that MeterProvider.',
    );
  }
  exportOptions(options);
  const orchestrator = compose(settings, options, mainScript(environment), log);
  setRunning(orchestrator);
  return orchestrator;
}

/** Ends what {@link start} or the preload began. Resolves at once when nothing runs. */
export async function shutdown(): Promise<void> {
  await running()?.shutdown();
}

function compose(settings: Settings, options: StartOptions, main: string | undefined, log: Log): Running {
  const { serviceName, ...identity } = identityOf(settings, main);
  if (identity.project === 'unknown_service') {
    log.warn(
      'No name for this project: set ORCHESTRATOR_PREFIX. Projects without a name share "unknown_service".',
    );
  }

  const ours = settings.metricsExporter.some((name) => name.toLowerCase() === 'orchestrator');
  const upstream = upstreamReaders(settings, log.warn);
  const alone = ours && upstream.length === 0;
  // What is counted per request bypasses the SDK when no other reader needs it: 0.02 µs a record instead of 1.7.
  const bridge = alone
    ? new AggregatingMeter({ name: '@org/orchestrator', version, maxSeries: settings.maxSeries })
    : undefined;
  const producers = bridge === undefined ? [] : [bridge.producer(AggregationTemporality.DELTA)];
  const own = ours ? new MetricsPipeline(settings, identity, producers, log) : undefined;

  const traces = isWanted(settings.tracesExporter, settings);
  const traffic: Traffic = {
    ignorePaths: [
      ...settings.ignorePaths,
      ...(settings.appMetricsPath === undefined ? [] : [settings.appMetricsPath]),
    ],
    main,
  };
  const sdk = startSdk({
    serviceName: settings.serviceName,
    resource: baseResource(serviceName, identity.lease),
    customDetectors: settings.resourceDetectors.length > 0,
    readers: [...(own === undefined ? [] : [own.reader]), ...upstream],
    views: options.views ?? [],
    instrumentations: [...(traces ? spansOf(traffic) : []), ...(options.instrumentations ?? [])],
    traces,
    logs: isWanted(settings.logsExporter, settings),
  });
  const instruments = instrument({
    ...traffic,
    flushMs: settings.metricExportInterval,
    names: settings.httpMetricNames,
    boundaries: settings.httpBuckets,
    bodySizes: settings.httpBodySizes,
    instruments: bridge,
    traced: traces,
    enabled: settings.enabledInstrumentations,
    disabled: settings.disabledInstrumentations,
  });
  // Upstream exporters keep processes apart: for them each collects its host.
  if (!alone) instruments.host.start();
  own?.begin(alone ? instruments.host : undefined);

  const lifecycle = new Lifecycle({
    flush: () => own?.reader.forceFlush() ?? Promise.resolve(),
    flushOthers: () => Promise.all([sdk.flush(), ...upstream.map((reader) => reader.forceFlush())]),
    endLease: () => own?.reader.exporter.endLease() ?? Promise.resolve(),
  });
  lifecycle.install();
  log.info(startLine(settings, serviceName, identity.prefix, own));

  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    lifecycle.remove();
    instruments.stop();
    await own?.end();
    // The reader flushes once more, ends the lease and closes the store.
    await sdk.shutdown().catch((error: unknown) => log.warn(`At the end: ${reason(error)}`));
    metrics.disable();
    setRunning(undefined);
  };
  return {
    prefix: identity.prefix,
    scraper: own?.scraper,
    flush: async () => keepAlive(own?.reader.forceFlush() ?? Promise.resolve()),
    shutdown: () => (ending ??= keepAlive(end())),
  };
}

type Traffic = Pick<InstrumentOptions, 'ignorePaths' | 'main'>;

/** Loaded when traces are asked for: its packages patch what the application loads. */
function spansOf({ main, ignorePaths }: Traffic): OtelInstrumentation[] {
  const { traceInstrumentations } = require('../instrumentation/spans/tracing.js') as typeof TracingModule;
  return traceInstrumentations({ main, ignore: createPathFilter(ignorePaths) });
}

/** Traces and logs: asked for by their exporter, or by an OTLP endpoint; `none` says no to both. */
function isWanted(exporters: readonly string[], { otlpEndpoint }: Settings): boolean {
  return exporters.length > 0 ? !exporters.includes('none') : otlpEndpoint !== undefined;
}

function startLine(
  settings: Settings,
  serviceName: string,
  prefix: string,
  own: MetricsPipeline | undefined,
): string {
  const { metricExportInterval, prometheusHost, prometheusPort, metricsPath } = settings;
  const parts = [
    `${version} ${serviceName}: store ${own?.store.description ?? 'none'}`,
    `prefix ${prefix}`,
    `flush every ${metricExportInterval} ms`,
    `http://${prometheusHost}:${prometheusPort}${metricsPath}`,
    `Node ${process.versions.node}`,
  ];
  return parts.join(', ');
}
