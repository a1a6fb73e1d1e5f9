import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';

import type { MeterProvider } from '@opentelemetry/api';
import type { MetricProducer } from '@opentelemetry/sdk-metrics';

import type { Settings } from '../config/settings.js';
import { reason } from '../errors.js';
import { gaugeAggregation } from '../reader/gauge-aggregation.js';
import { globMatcher } from '../glob.js';
import { healthChecks } from '../application/register-health-check.js';
import { HostCollector } from '../instrumentation/host/host-collector.js';
import type { SwitchableInstrumentation } from '../instrumentation/host/switchable.js';
import type { Log } from '../log.js';
import { Health } from './health.js';
import type { Identity } from './identity/identity.js';
import { openExposition } from './open-exposition.js';
import { leaseMsOf, openStore } from './open-store.js';
import { isOwnServer } from '../own-traffic/own-traffic.js';
import { REFRESH_MS } from '../reader/delta-accumulator.js';
import type { LossCounter } from '../reader/losses.js';
import { StoreMetricReader } from '../reader/store-metric-reader.js';
import { observeExporter } from '../reader/self-metrics.js';
import { serveOnApplication } from '../server/app-endpoint.js';
import { MetricsServer } from '../server/metrics-server.js';
import type { AccessControl } from '../server/access/access-control.js';
import { observeRefusals } from '../server/access/refusals.js';
import { Endpoint } from '../server/endpoint/endpoint.js';
import { Scraper } from '../server/scrape/scraper.js';
import type { MetricStore } from '../store/metric-store.js';
import { version } from '../version.js';

const SWEEP_MS = 60_000;

/** What rates and percentiles of the live page are over, at least. */
const PAGE_WINDOW_MS = 15_000;

/** What feeds the reader beside the SDK; see StoreMetricReaderOptions. */
export interface MetricSources {
  readonly producers: readonly MetricProducer[];
  readonly losses: LossCounter;
}

/** Our own way of a metric from the SDK to Prometheus: reader, store, exposition, server. */
export class MetricsPipeline {
  readonly store: MetricStore;
  readonly reader: StoreMetricReader;
  readonly server: MetricsServer;
  readonly scraper: Scraper;
  readonly access: AccessControl;
  readonly #appMetricsPath: string | undefined;
  readonly #sweeping: NodeJS.Timeout;
  readonly #intervalMs: number;
  readonly #finishes: boolean;
  #hostCollector: HostCollector | undefined;
  #endHealth: (() => void) | undefined;
  #endAppEndpoint: (() => void) | undefined;

  constructor(settings: Settings, identity: Identity, sources: MetricSources, log: Log) {
    const interval = settings.metricExportInterval;
    const endpoint = new Endpoint(settings, settings.prometheusHost, log.warn);
    this.#intervalMs = interval;
    this.#finishes = settings.exitTimeout > 0;
    this.store = openStore(settings, identity, log.warn);
    this.reader = new StoreMetricReader({
      store: this.store,
      exportIntervalMillis: interval,
      exportTimeoutMillis: settings.metricExportTimeout,
      gaugeAggregation: gaugeAggregation(settings.gaugeAggregation),
      maxSeries: settings.maxSeries,
      maxLabelLength: settings.maxLabelLength,
      resourceLabels: globMatcher(settings.resourceLabels),
      metricProducers: sources.producers,
      losses: sources.losses,
      // Often enough for the series of an unchanged counter not to expire.
      refreshMs: Math.min(REFRESH_MS, settings.metricsTtl * 250),
      keepProcessAlive: false,
      warn: log.warn,
    });
    this.scraper = new Scraper(() => this.reader.snapshot(), openExposition(settings, log.warn), {
      project: identity,
    });
    this.access = endpoint.access;
    const health = new Health(this.store, this.reader.exporter);
    this.server = new MetricsServer({
      host: settings.prometheusHost,
      port: settings.prometheusPort,
      path: settings.metricsPath,
      prefix: identity.prefix,
      project: identity.project,
      store: storeName(this.store),
      elsewhere: elsewhere(settings),
      endpoint,
      scraper: this.scraper,
      notReady: () => notReady(this.reader, leaseMsOf(settings)),
      health: () => health.answer(),
      // Over what every process has written to a few times.
      pageTiming: { windowMs: Math.max(PAGE_WINDOW_MS, 3 * interval) },
      wipe: () => this.store.wipe(),
      warn: log.warn,
    });
    this.#appMetricsPath = settings.appMetricsPath;
    this.#sweeping = setInterval(
      () => void this.store.sweep().catch((error: unknown) => log.debug(`Sweep: ${reason(error)}`)),
      Math.min(SWEEP_MS, settings.metricsTtl * 500),
    ).unref();
  }

  /**
   * Serves, and measures itself.
   *
   * @param host metrics that one process of the host has to collect
   */
  begin(meterProvider: MeterProvider, host: SwitchableInstrumentation | undefined): void {
    const meter = meterProvider.getMeter('@org/orchestrator', version);
    observeExporter(meter, this.reader.exporter);
    observeRefusals(meter, this.access.refusals);
    this.#endHealth = healthChecks().observe(meter);
    if (host !== undefined) {
      this.#hostCollector = new HostCollector({
        acquire: (ms) => this.store.acquireLock(`host:${hostname()}`, ms),
        host,
        intervalMs: this.#intervalMs,
        flush: () => this.reader.forceFlush(),
      });
    }
    this.server.listen();
    if (this.#appMetricsPath === undefined) return;
    this.#endAppEndpoint = serveOnApplication(
      this.#appMetricsPath,
      (request, response) => void this.serve(request, response),
      isOwnServer,
    );
  }

  /** Answers a scrape on a server of the application, of whoever may read. Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (await this.access.admit(request, response, 'application'))
      await this.scraper.serve(request, response);
  }

  /**
   * For the very end of the process, and synchronous: hands over what the store has not confirmed, and says what is lost when
   * the store is the reason.
   *
   * @param waitMs milliseconds that it may take
   */
  finish(waitMs: number): void {
    const { exporter } = this.reader;
    if (this.#finishes) this.reader.finish(waitMs);
    else if (exporter.lastError !== undefined) exporter.reportLosses();
  }

  /** Stops serving. Reader and store end with their MeterProvider. */
  async end(): Promise<void> {
    clearInterval(this.#sweeping);
    this.#hostCollector?.end();
    this.#endHealth?.();
    this.#endAppEndpoint?.();
    await this.server.close();
  }
}

/** A store in memory is another one in each process. */
function storeName({ description }: MetricStore): string {
  return description === 'memory' ? `memory of process ${process.pid}` : description;
}

function elsewhere({ appMetricsPath }: Settings): string {
  return appMetricsPath === undefined
    ? 'not served by this process: set OTEL_EXPORTER_PROMETHEUS_PORT to another port, or ORCHESTRATOR_APP_METRICS_PATH'
    : `at ${appMetricsPath} on the ports of the application`;
}

/** Ready: the store answered the last flush, and that was not long ago. */
function notReady({ exporter }: StoreMetricReader, leaseMs: number): string | undefined {
  if (exporter.lastError !== undefined) return reason(exporter.lastError);
  const age = exporter.millisecondsSinceFlush;
  if (age === undefined) return 'Nothing was flushed yet.';
  return age > leaseMs ? `The last flush was ${Math.round(age / 1000)} s ago.` : undefined;
}
