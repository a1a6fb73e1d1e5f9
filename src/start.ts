import { randomUUID } from 'node:crypto';

import { metrics } from '@opentelemetry/api';
import type { Instrumentation as OtelInstrumentation } from '@opentelemetry/instrumentation';

import {
  processEnvironment,
  readSettings,
  sanitizePrefix,
  type SettingOptions,
  type Settings,
} from './config.js';
import { OrchestratorError, reason } from './errors.js';
import { gaugeAggregation } from './gauge-aggregation.js';
import { globMatcher } from './glob.js';
import { instrument, type Instruments } from './instrumentation/instrument.js';
import { createLog, type Log } from './log.js';
import { upstreamReaders } from './metric-readers.js';
import { Exposition } from './prometheus/exposition.js';
import { observeExporter } from './reader/self-metrics.js';
import { RedisMetricReader } from './reader/redis-metric-reader.js';
import { baseResource, serviceNameOf } from './resource.js';
import { startSdk } from './sdk.js';
import { MetricsServer } from './server/metrics-server.js';
import { Scraper } from './server/scraper.js';
import { Lifecycle } from './shutdown.js';
import { createStore } from './store/create-store.js';
import type { MetricStore } from './store/metric-store.js';
import { version } from './version.js';

/** The settings of docs/configuration.md by name. An option wins over its environment variable. */
export interface StartOptions extends SettingOptions {
  /** Further OpenTelemetry instrumentations to register. */
  readonly instrumentations?: readonly OtelInstrumentation[];
}

/** What runs in this process. */
export interface Orchestrator {
  /** The prefix under which this process is summed. */
  readonly prefix: string;
  /** Resolves when everything recorded so far is in the store; rejects with the reason when it is not. */
  flush(): Promise<void>;
  /** Sends what was recorded, ends this instance's lease and releases everything. Idempotent. */
  shutdown(): Promise<void>;
}

/** A step of the store, and so a flush, that takes longer counts as failed; its outcome is then unknown. */
const MAX_STORE_TIMEOUT_MS = 5000;

/** An instance that was not heard of for three intervals is dead; a stalled event loop is given some seconds. */
const MIN_LEASE_MS = 10_000;

const SWEEP_MS = 60_000;

const STARTED = Symbol.for('@org/orchestrator/started');

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
  for (const complaint of complaints) log.warn(complaint);
  if (metrics.getMeterProvider().constructor.name !== 'NoopMeterProvider') {
    throw new OrchestratorError(
      'ORCHESTRATOR_ALREADY_STARTED',
      'Another OpenTelemetry SDK has registered its MeterProvider before. Start the orchestrator first, or add RedisMetricReader to that MeterProvider.',
    );
  }
  const main = environment['pm_exec_path'] ?? process.argv[1];
  const composition = compose(settings, options, main, log);
  Reflect.set(globalThis, STARTED, composition);
  return composition;
}

/** Ends what {@link start} or the preload began. Resolves at once when nothing runs. */
export async function shutdown(): Promise<void> {
  await running()?.shutdown();
}

/** What runs in this process, of whichever copy of this package. */
export function running(): Orchestrator | undefined {
  return Reflect.get(globalThis, STARTED) as Orchestrator | undefined;
}

function compose(
  settings: Settings,
  options: StartOptions,
  main: string | undefined,
  log: Log,
): Orchestrator {
  const exporters = settings.metricsExporter.map((name) => name.toLowerCase());
  const serviceName = serviceNameOf(settings.serviceName, main);
  const project = settings.prefix ?? serviceName;
  const prefix = sanitizePrefix(project);
  const lease = randomUUID();
  if (project === 'unknown_service') {
    log.warn(
      'No name for this project: set ORCHESTRATOR_PREFIX. Projects without a name share "unknown_service".',
    );
  }

  const own = exporters.includes('orchestrator')
    ? collect(settings, { prefix, project, lease }, log)
    : undefined;
  const endpoint = settings.otlpEndpoint !== undefined;
  const sdk = startSdk({
    serviceName: settings.serviceName,
    resource: baseResource(serviceName, lease),
    customDetectors: settings.resourceDetectors.length > 0,
    readers: [...(own === undefined ? [] : [own.reader]), ...upstreamReaders(settings, log.warn)],
    views: [],
    instrumentations: options.instrumentations ?? [],
    traces: settings.tracesExporter.length > 0 || endpoint,
    logs: settings.logsExporter.length > 0 || endpoint,
  });

  const instruments: Instruments = instrument({
    ignorePaths: settings.ignorePaths,
    isOwnServer: (server) => own?.server.owns(server) === true,
    main,
  });
  own?.begin();
  const lifecycle = new Lifecycle({
    flush: () => own?.reader.forceFlush() ?? Promise.resolve(),
    leave: () => own?.reader.exporter.leave() ?? Promise.resolve(),
  });
  lifecycle.install();
  log.info(
    `${version} ${serviceName}: store ${own?.store.description ?? 'none'}, prefix ${prefix}, flush every ${settings.metricExportInterval} ms, ` +
      `http://${settings.prometheusHost}:${settings.prometheusPort}${settings.metricsPath}, Node ${process.versions.node}`,
  );

  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    lifecycle.remove();
    instruments.stop();
    await own?.end();
    // The reader flushes once more, ends the lease and closes the store.
    await sdk.shutdown();
    Reflect.deleteProperty(globalThis, STARTED);
  };
  return {
    prefix,
    flush: async () => own?.reader.forceFlush(),
    shutdown: () => (ending ??= end()),
  };
}

/** Reader, store and server of our own exporter. */
function collect(settings: Settings, identity: { prefix: string; project: string; lease: string }, log: Log) {
  const interval = settings.metricExportInterval;
  const store: MetricStore = createStore(
    settings,
    {
      ...identity,
      leaseMs: Math.max(3 * interval, MIN_LEASE_MS),
      ttlMs: settings.metricsTtl * 1000,
      maxSeries: settings.maxSeries,
      warn: log.warn,
    },
    Math.min(settings.metricExportTimeout, MAX_STORE_TIMEOUT_MS),
  );
  const reader = new RedisMetricReader({
    store,
    exportIntervalMillis: interval,
    exportTimeoutMillis: settings.metricExportTimeout,
    gaugeAggregation: gaugeAggregation(settings.gaugeAggregation),
    maxSeries: settings.maxSeries,
    warn: log.warn,
  });
  const exposition = new Exposition({
    translationStrategy: settings.translationStrategy,
    scopeInfo: settings.scopeInfo,
    targetInfo: settings.targetInfo,
    resourceLabels: globMatcher(settings.resourceLabels),
    warn: log.warn,
  });
  const server = new MetricsServer({
    host: settings.prometheusHost,
    port: settings.prometheusPort,
    path: settings.metricsPath,
    prefix: identity.prefix,
    scraper: new Scraper(() => reader.snapshot(), exposition),
    notReady: () => notReady(reader, interval),
    wipe: () => store.wipe(),
    wipeToken: settings.wipeToken,
    warn: log.warn,
  });
  const sweeping = setInterval(
    () => void store.sweep().catch((error: unknown) => log.debug(`Sweep: ${reason(error)}`)),
    Math.min(SWEEP_MS, settings.metricsTtl * 500),
  ).unref();
  return {
    store,
    reader,
    server,
    begin: () => {
      observeExporter(metrics.getMeter('@org/orchestrator', version), reader.exporter);
      server.listen();
    },
    end: async () => {
      clearInterval(sweeping);
      await server.close();
    },
  };
}

/** Ready: the store answered the last flush, and that was not long ago. */
function notReady({ exporter }: RedisMetricReader, interval: number): string | undefined {
  if (exporter.lastError !== undefined) return reason(exporter.lastError);
  const age = exporter.millisecondsSinceFlush;
  if (age === undefined) return 'Nothing was flushed yet.';
  return age > Math.max(3 * interval, MIN_LEASE_MS)
    ? `The last flush was ${Math.round(age / 1000)} s ago.`
    : undefined;
}
