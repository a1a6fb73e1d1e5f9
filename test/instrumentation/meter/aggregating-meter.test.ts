import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AggregationTemporality, type MetricData, MeterProvider } from '@opentelemetry/sdk-metrics';
import { array, assert as check, asyncProperty, constantFrom, integer, record, tuple } from 'fast-check';

import { AggregatingMeter } from '../../../src/instrumentation/meter/aggregating-meter.js';
import { SILENT_LOSSES } from '../../../src/instrumentation/meter/observation-losses.js';
import { bindMeter } from '../../../src/instrumentation/meter/bound-meter.js';
import { ManualReader } from '../collected-metrics.js';

const HISTOGRAM = { unit: 's', description: 'h', advice: { explicitBucketBoundaries: [0.1, 1, 10] } };

/** Everything but times, and without minimum and maximum, which no consumer of ours reads. */
function comparable(metrics: readonly MetricData[]): unknown {
  return metrics
    .filter(({ dataPoints }) => dataPoints.length > 0)
    .map(({ descriptor, dataPointType, aggregationTemporality, dataPoints }) => ({
      name: descriptor.name,
      unit: descriptor.unit,
      description: descriptor.description,
      valueType: descriptor.valueType,
      dataPointType,
      aggregationTemporality,
      points: dataPoints
        .map(({ attributes, value }) => {
          if (typeof value === 'number') return { attributes, value };
          const { min: _min, max: _max, sum = 0, ...rest } = value;
          // Differences of sums and sums of differences round differently.
          return { attributes, value: { ...rest, sum: Number(sum.toPrecision(9)) } };
        })
        .toSorted((a, b) => (JSON.stringify(a.attributes) < JSON.stringify(b.attributes) ? -1 : 1)),
    }));
}

for (const temporality of [AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE]) {
  test(`hands over what the SDK would, ${AggregationTemporality[temporality]}`, async () => {
    const measurement = record({
      route: constantFrom('a', 'b', 'c'),
      value: integer({ min: 0, max: 20_000 }).map((ms) => ms / 1000),
    });
    await check(
      asyncProperty(tuple(array(measurement), array(measurement), array(measurement)), async (rounds) => {
        const meter = new AggregatingMeter({ name: 'x', version: '1' });
        const produced = new ManualReader(temporality, [meter.producer(temporality)]);
        const recorded = new ManualReader(temporality);
        const provider = new MeterProvider({ readers: [produced] });
        const reference = new MeterProvider({ readers: [recorded] });
        const both = [meter, bindMeter(reference.getMeter('x', '1'))].map((each) => ({
          duration: each.createHistogram('h', HISTOGRAM),
          total: each.createCounter('c', { unit: '1' }),
        }));
        for (const round of rounds) {
          for (const { route, value } of round) {
            for (const { duration, total } of both) {
              duration.bind({ route }).record(value);
              total.bind({ route }).add(1);
            }
          }
          const [mine, theirs] = await Promise.all(
            [produced, recorded].map(async (reader) => (await reader.collect()).resourceMetrics.scopeMetrics),
          );
          assert.deepEqual(
            comparable(mine?.flatMap(({ metrics }) => metrics) ?? []),
            comparable(theirs?.flatMap(({ metrics }) => metrics) ?? []),
          );
        }
        await Promise.all([provider.shutdown(), reference.shutdown()]);
      }),
      { numRuns: 30 },
    );
  });
}

test('two readers each get every measurement', async () => {
  const meter = new AggregatingMeter({ name: 'x' });
  const producers = [1, 2].map(() => meter.producer(AggregationTemporality.DELTA));
  meter.createCounter('c', {}).bind({}).add(3);
  for (const producer of producers) {
    const { resourceMetrics } = await producer.collect();
    assert.equal(resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.value, 3);
  }
});

test('series beyond the limit are summed, none is lost', async () => {
  const meter = new AggregatingMeter({ name: 'x', maxSeries: 2 });
  const counter = meter.createCounter('c', {});
  for (let n = 0; n < 10; n++) counter.bind({ n }).add(1);
  const { resourceMetrics } = await meter.producer(AggregationTemporality.CUMULATIVE).collect();
  const points = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
  assert.deepEqual(
    points.map(({ attributes, value }) => [attributes, value]),
    [
      [{ n: 0 }, 1],
      [{ n: 1 }, 1],
      [{ 'otel.metric.overflow': true }, 8],
    ],
  );
});

test('what cannot be added costs itself, and is told', async () => {
  const told: string[] = [];
  const losses = {
    ...SILENT_LOSSES,
    drop: (metric: string, why: string) => void told.push(`${metric}: ${why}`),
  };
  const meter = new AggregatingMeter({ name: 'x', losses });
  const [histogram, counter] = [
    meter.createHistogram('h', HISTOGRAM).bind({}),
    meter.createCounter('c', {}).bind({}),
  ];
  const producer = meter.producer(AggregationTemporality.DELTA);
  for (let round = 0; round < 2; round += 1) {
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, 1]) {
      histogram.record(value);
      counter.add(value);
    }
    const { resourceMetrics } = await producer.collect();
    const [h, c] = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
    assert.deepEqual(h?.dataPoints[0]?.value, {
      sum: 1,
      count: 1,
      buckets: { boundaries: [0.1, 1, 10], counts: [0, 1, 0, 0] },
    });
    assert.equal(c?.dataPoints[0]?.value, 1);
  }
  assert.equal(told.length, 12);
  assert.equal(told[4], 'h: Infinity cannot be added to a histogram');
});

test('long attributes are cut, and boundaries mended', async () => {
  const meter = new AggregatingMeter({ name: 'x', maxLabelLength: 64 });
  const histogram = meter.createHistogram('h', { advice: { explicitBucketBoundaries: [2, Number.NaN, 1] } });
  histogram.bind({ route: 'r'.repeat(1000) }).record(1.5);
  const { resourceMetrics } = await meter.producer(AggregationTemporality.DELTA).collect();
  const [point] = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
  assert.equal(String(point?.attributes['route']).length, 64);
  assert.deepEqual(point?.value, { sum: 1.5, count: 1, buckets: { boundaries: [1, 2], counts: [0, 1, 0] } });
});
