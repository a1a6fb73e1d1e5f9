/**
 * The cluster of `benchmarks/cluster.ts`: `node cluster-process.js <prom-client | orchestrator> <workers> <port>`. Every
 * worker observes all series once a second. The primary says `ready` when a scrape has the numbers of all workers.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

import { metrics } from '@opentelemetry/api';
import type * as PromClient from 'prom-client';

import type * as Orchestrator from '../src/index.js';
import { BOUNDARIES } from './scrape-data.js';

const SERIES = 300;
const NAME = 'http.server.request.duration';

const [variant = '', workers = '', port = ''] = process.argv.slice(2);
const load = createRequire(__filename);

/** Each returns how a worker observes one series. Packages load here, so that none pays for another's. */
const WORKERS: Record<string, () => (route: string, seconds: number) => void> = {
  'prom-client': () => {
    const { AggregatorRegistry, Histogram } = load('prom-client') as typeof PromClient;
    // In a worker this only answers the primary.
    void new AggregatorRegistry();
    const histogram = new Histogram({
      name: NAME.replaceAll('.', '_'),
      help: 'Duration of HTTP requests.',
      labelNames: ['route'],
      buckets: [...BOUNDARIES],
    });
    return (route, seconds) => histogram.observe({ route }, seconds);
  },
  orchestrator: () => {
    const { start } = load('../src/index.js') as typeof Orchestrator;
    start({ prometheusPort: Number(port), metricExportInterval: 1000, scopeInfo: false, logLevel: 'error' });
    const histogram = metrics.getMeter('benchmark').createHistogram(NAME, {
      unit: 's',
      advice: { explicitBucketBoundaries: [...BOUNDARIES] },
    });
    return (route, seconds) => histogram.record(seconds, { route });
  },
};

function work(): void {
  const observe = WORKERS[variant]?.();
  const round = (): void => {
    for (let index = 0; index < SERIES; index += 1)
      observe?.(`/api/v1/customers/{id}/orders/${index}`, (index % 40) / 100);
  };
  round();
  setInterval(round, 1000);
  process.send?.('observing');
}

async function main(): Promise<void> {
  const children = Array.from({ length: Number(workers) }, () => cluster.fork());
  await Promise.all(children.map((child) => once(child, 'message')));
  if (variant === 'prom-client') {
    const { AggregatorRegistry } = load('prom-client') as typeof PromClient;
    const registry = new AggregatorRegistry();
    const server = createServer((_request, response) => {
      void registry.clusterMetrics().then((text) => {
        response.setHeader('Content-Type', registry.contentType);
        response.end(text);
      });
    });
    server.listen(Number(port), '127.0.0.1');
  }
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

if (cluster.isPrimary) void main();
else work();
