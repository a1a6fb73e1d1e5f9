import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

import { LossCounter } from '../../src/reader/losses.js';
import { mendViews } from '../../src/start/opentelemetry/mend-views.js';
import { Application } from './application.js';

const VALUES = [0.5, 1, 3, 7, 50];
// The type says numbers; what JavaScript gives is something else.
const STRINGS: number[] = JSON.parse('["1", "5"]');

const CASES: ReadonlyArray<readonly [name: string, given: number[], used: number[], counts: number[]]> = [
  ['infinite', [-Infinity, 1, 5, Infinity], [1, 5], [2, 1, 2]],
  ['no number', [1, Number.NaN, 5], [1, 5], [2, 1, 2]],
  ['twice', [1, 5, 5, 10], [1, 5, 10], [2, 1, 1, 1]],
  ['descending', [10, 5, 1], [1, 5, 10], [2, 1, 1, 1]],
  ['texts', STRINGS, [1, 5], [2, 1, 2]],
  ['none that is one', [Number.NaN], [], [5]],
];

describe('boundaries are finite, distinct and ascending, whatever was given', () => {
  for (const [name, given, used, counts] of CASES) {
    test(`as advice: ${name}`, async () => {
      const app = new Application({ guarded: true });
      const histogram = app.provider
        .getMeter('m')
        .createHistogram('h', { advice: { explicitBucketBoundaries: given } });
      for (const value of VALUES) histogram.record(value);
      assert.deepEqual(await app.values(), { h: { '': [61.5, ...counts] } });
      assert.deepEqual((await app.family('h'))?.boundaries, used);
      assert.equal(app.warnings.length, 1);
      assert.deepEqual(app.told.codes, ['ORCHESTRATOR_BOUNDARIES_MENDED']);
      assert.match(app.warnings[0] ?? '', /^Metric h: the boundaries \[.*\] are not finite, distinct/);
    });

    test(`in a view: ${name}`, async () => {
      const warnings: string[] = [];
      const views = mendViews(
        [
          {
            instrumentName: 'h',
            aggregation: {
              type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
              options: { boundaries: given, recordMinMax: false },
            },
          },
        ],
        2000,
        new LossCounter((message) => warnings.push(message)),
      );
      const app = new Application({ guarded: true, provider: { views } });
      const histogram = app.provider.getMeter('m').createHistogram('h');
      for (const value of VALUES) histogram.record(value);
      assert.deepEqual(await app.values(), { h: { '': [61.5, ...counts] } });
      assert.deepEqual((await app.family('h'))?.boundaries, used);
      assert.equal(warnings.length, 1);
    });

    test(`of another producer, or of a view that nobody mended: ${name}`, async () => {
      const app = new Application({ reader: { metricProducers: [producer(given)] } });
      await app.reader.forceFlush();
      const [family] = app.store.batches[0]?.deltas ?? [];
      assert.deepEqual(family?.family.boundaries, used);
      const [sum, ...buckets] = family?.points[0]?.values ?? [];
      assert.equal(sum, 10);
      assert.equal(buckets.length, used.length + 1);
      assert.equal(
        buckets.reduce((total, count) => total + count, 0),
        given.length + 1,
      );
      assert.equal(app.warnings.length, 1);
    });
  }

  test('an empty list is one bucket, and negative boundaries are boundaries', async () => {
    const app = new Application({ guarded: true });
    const meter = app.provider.getMeter('m');
    for (const [name, explicitBucketBoundaries] of Object.entries({ empty: [], negative: [-5, 0, 5] }))
      meter.createHistogram(name, { advice: { explicitBucketBoundaries } }).record(1);
    assert.deepEqual(await app.values(), { empty: { '': [1, 1] }, negative: { '': [1, 0, 0, 1, 0] } });
    assert.deepEqual(app.warnings, []);
  });
});

test('counts that do not fit their boundaries are dropped', async () => {
  const app = new Application({ reader: { metricProducers: [producer([1, 2], [1])] } });
  assert.deepEqual(await app.values(), {});
  assert.equal(app.lost.dropped > 0, true);
});

/** One observation in each bucket. */
function producer(
  boundaries: number[],
  counts = Array.from<number>({ length: boundaries.length + 1 }).fill(1),
): MetricProducer {
  const metric: MetricData = {
    descriptor: { name: 'h', description: '', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: [
      {
        startTime: [0, 0],
        endTime: [0, 0],
        attributes: {},
        value: { sum: 10, count: counts.length, buckets: { boundaries, counts } },
      },
    ],
  };
  return {
    collect: () =>
      Promise.resolve({
        resourceMetrics: {
          resource: emptyResource(),
          scopeMetrics: [{ scope: { name: 'producer' }, metrics: [metric] }],
        },
        errors: [],
      }),
  };
}
