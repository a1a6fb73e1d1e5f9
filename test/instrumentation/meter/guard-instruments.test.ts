import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics';

import { guardInstruments } from '../../../src/instrumentation/meter/guard-instruments.js';
import { CollectedMetrics } from '../collected-metrics.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const BYTES = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

test('histograms in seconds and bytes get boundaries that fit, unless they or a view bring some', async (context) => {
  const view: ViewOptions = {
    instrumentName: 'viewed',
    aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [7] } },
  };
  const metrics = new CollectedMetrics([view]);
  context.after(() => metrics.shutdown());
  guardInstruments(metrics.provider);
  guardInstruments(metrics.provider);
  const meter = metrics.provider.getMeter('application', '1');
  assert.equal(metrics.provider.getMeter('application', '1'), meter);
  meter.createHistogram('seconds', { unit: 's' }).record(1);
  meter.createHistogram('bytes', { unit: 'By' }).record(1);
  meter.createHistogram('own', { unit: 's', advice: { explicitBucketBoundaries: [1, 2] } }).record(1);
  meter.createHistogram('viewed', { unit: 's' }).record(1);
  meter.createHistogram('milliseconds', { unit: 'ms' }).record(1);
  const expected = { seconds: SECONDS, bytes: BYTES, own: [1, 2], viewed: [7] };
  for (const [name, boundaries] of Object.entries(expected)) {
    assert.deepEqual((await metrics.histogram(name)).buckets.boundaries, boundaries, name);
  }
  assert.equal((await metrics.histogram('milliseconds')).buckets.boundaries.at(-1), 10_000);
});

test('a provider that was shut down gives instruments that do nothing, however often it is asked', async () => {
  const metrics = new CollectedMetrics();
  guardInstruments(metrics.provider);
  await metrics.shutdown();
  for (let time = 0; time < 3; time += 1) {
    const meter = metrics.provider.getMeter('late');
    meter.createCounter('c').add(1, { a: 'b' });
    meter.createHistogram('h').record(1);
    meter.createGauge('g').record(1);
    meter.createUpDownCounter('u').add(1);
    meter.createObservableGauge('o').addCallback(() => undefined);
  }
});
