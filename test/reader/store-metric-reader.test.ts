import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  AggregationTemporality,
} from '@opentelemetry/sdk-metrics';

import { StoreMetricReader } from '../../src/reader/store-metric-reader.js';
import { createRedisStore } from '../../src/store/redis/redis-store.js';
import type { Owner } from '../helpers/owner.js';
import { startRedis } from '../helpers/redis.js';
import { valuesOf } from './application.js';

/** What a user writes who has a MeterProvider already: our reader is one of several. */
function application(owner: Owner, port: number, warnings: string[]) {
  const reader = new StoreMetricReader({
    store: createRedisStore(
      {
        prefix: 'shop',
        project: 'shop',
        lease: randomUUID(),
        leaseMs: 600_000,
        ttlMs: 600_000,
        maxSeries: 100,
        warn: (message) => warnings.push(message),
      },
      { mode: 'standalone', nodes: [{ host: '127.0.0.1', port }] },
      2000,
    ),
    exportIntervalMillis: 3_600_000,
    warn: (message) => warnings.push(message),
  });
  const other = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({
    readers: [
      reader,
      new PeriodicExportingMetricReader({ exporter: other, exportIntervalMillis: 3_600_000 }),
    ],
  });
  owner.after(() => provider.shutdown().catch(() => undefined));
  return { reader, provider, other, meter: provider.getMeter('m') };
}

test('in a foreign MeterProvider: the sum of all processes, and other readers are not disturbed', async (t) => {
  const redis = await startRedis(t);
  const warnings: string[] = [];
  const [a, b] = [1, 2].map(() => application(t, redis.port, warnings));
  assert.ok(a !== undefined && b !== undefined);
  for (const [index, { meter }] of [a, b].entries()) {
    meter.createCounter('c').add(index + 1);
    meter.createUpDownCounter('u').add(10);
    meter.createHistogram('h', { advice: { explicitBucketBoundaries: [1] } }).record(index);
  }
  await b.provider.forceFlush();
  assert.deepEqual(valuesOf(await a.reader.snapshot()), {
    c: { '': [3] },
    u: { '': [20] },
    h: { '': [1, 2, 0] },
  });
  const exported = b.other
    .getMetrics()
    .at(-1)
    ?.scopeMetrics[0]?.metrics.find(({ descriptor }) => descriptor.name === 'c');
  assert.equal(exported?.dataPoints[0]?.value, 2);

  await b.provider.shutdown();
  assert.deepEqual(valuesOf(await a.reader.snapshot())['u'], { '': [10] });
  assert.deepEqual(warnings, []);
});

test('through an outage: the snapshot fails with the reason, and nothing is lost', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const warnings: string[] = [];
  const { reader, meter } = application(t, redis.port, warnings);
  const counter = meter.createCounter('c');
  counter.add(1);
  await reader.forceFlush();
  await redis.stop('SIGKILL');
  for (let round = 0; round < 3; round += 1) {
    counter.add(1);
    await assert.rejects(reader.snapshot(), {
      code: 'ORCHESTRATOR_STORE_UNAVAILABLE',
      message: /ECONNREFUSED/,
    });
  }
  await redis.start('kept');
  assert.deepEqual(valuesOf(await reader.snapshot()), { c: { '': [4] } });
  assert.equal(warnings.length, 2);
});
