import { createRequire } from 'node:module';

import type { MeterProvider } from '@opentelemetry/api';
import type { Instrumentation as OtelInstrumentation } from '@opentelemetry/instrumentation';

import { HealthChecks } from '../../src/application/health-checks.js';
import { observeQueue } from '../../src/application/observe-queue.js';
import { recordJob } from '../../src/application/record-job.js';
import { instrumentMysql2Pools } from '../../src/instrumentation/databases/mysql2-pools.js';
import { createOperationDuration } from '../../src/instrumentation/databases/operation-series.js';
import { instrumentEventLoop } from '../../src/instrumentation/host/event-loop-metrics.js';
import { instrumentHost } from '../../src/instrumentation/host/host-metrics.js';
import { instrumentProcess } from '../../src/instrumentation/host/process-metrics.js';
import { instrumentRuntime } from '../../src/instrumentation/host/runtime.js';
import { instrumentHttpClient } from '../../src/instrumentation/http/client/client.js';
import type { HttpMetricNames } from '../../src/instrumentation/http/metric-names.js';
import { instrumentHttpServer } from '../../src/instrumentation/http/server/server.js';
import { bindMeter } from '../../src/instrumentation/meter/bound-meter.js';
import { observeExporter } from '../../src/reader/self-metrics.js';
import { observeRefusals, Refusals } from '../../src/server/access/refusals.js';
import { StoreMetricExporter } from '../../src/reader/store-metric-exporter.js';
import { createMemoryStore } from '../../src/store/memory/memory-store.js';

/**
 * The tables of docs/metrics.md by their names there. Each creates the instruments of one place in the code, which are then its
 * rows: a metric that is added to such a place is a new row by itself.
 */
export const METRIC_SECTIONS: Readonly<Record<string, (provider: MeterProvider) => void>> = {
  'http server': (provider) => httpServer(provider, 'semconv'),
  'prometheus-net': (provider) => httpServer(provider, 'prometheus-net'),
  'http client': (provider) => instrumentHttpClient({ meter: provider.getMeter(OURS) }).stop(),
  'jobs, queues, health': (provider) => {
    const meter = provider.getMeter(OURS);
    void recordJob('', () => undefined, meter);
    observeQueue({ name: '', getJobCounts: () => Promise.resolve({}) }, { meter });
    new HealthChecks().observe(meter);
  },
  databases: (provider) => {
    const meter = provider.getMeter(OURS);
    createOperationDuration(bindMeter(meter));
    instrumentMysql2Pools(meter).stop();
    pgInstrumentation().setMeterProvider(provider);
  },
  runtime: (provider) => {
    instrumentRuntime({ meterProvider: provider }).stop();
    instrumentEventLoop(provider, 5000).stop();
  },
  'process and host': (provider) => {
    instrumentProcess(provider).stop();
    instrumentHost(provider).stop();
  },
  orchestrator: (provider) => {
    const store = createMemoryStore({
      prefix: 'docs',
      project: 'docs',
      lease: 'docs',
      leaseMs: 1,
      ttlMs: 1,
      maxSeries: 1,
      warn: () => undefined,
    });
    observeExporter(provider.getMeter(OURS), new StoreMetricExporter({ store }));
    observeRefusals(provider.getMeter(OURS), new Refusals(() => undefined));
  },
};

const OURS = '@org/orchestrator';

function httpServer(provider: MeterProvider, names: HttpMetricNames): void {
  const meter = provider.getMeter(OURS);
  instrumentHttpServer({ meter, bodySizes: true, names: [names] }).stop();
}

/** An application's own package; here it comes with the one that brings all of them. */
function pgInstrumentation(): OtelInstrumentation {
  const fromAuto = createRequire(require.resolve('@opentelemetry/auto-instrumentations-node'));
  const { PgInstrumentation } = fromAuto('@opentelemetry/instrumentation-pg') as {
    PgInstrumentation: new (config: { readonly enabled: boolean }) => OtelInstrumentation;
  };
  return new PgInstrumentation({ enabled: false });
}
