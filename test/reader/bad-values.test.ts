import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AggregationType } from '@opentelemetry/sdk-metrics';

import { Application } from './application.js';
import { projectOn, STORE_KINDS } from './each-store.js';

const bounds = { advice: { explicitBucketBoundaries: [1, 2] } };
const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

for (const kind of STORE_KINDS) {
  test(`one bad observation costs itself, whatever the instrument: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const { meter, reader, values, warnings } = open({
      gaugeAggregation: (name) => (name.startsWith('sum') ? 'sum' : 'last'),
    });
    const [counter, upDown] = [meter.createCounter('counter'), meter.createUpDownCounter('upDown')];
    const [histogram, gauge] = [meter.createHistogram('histogram', bounds), meter.createGauge('sum.gauge')];
    let observed = 0;
    meter.createObservableCounter('observedCounter').addCallback((result) => result.observe(observed));
    meter.createObservableUpDownCounter('observedUpDown').addCallback((result) => result.observe(observed));
    meter.createObservableGauge('sum.observed').addCallback((result) => result.observe(observed));
    let dropped = 0;
    reader.exporter.onFlush = (report) => {
      dropped += report.dropped;
    };
    for (const [round, bad] of BAD.entries()) {
      for (const [value, times] of [
        [1, 2],
        [bad, 1],
        [1, 2],
      ] as const) {
        for (let time = 0; time < times; time += 1) {
          counter.add(value);
          upDown.add(value);
          histogram.record(value);
        }
      }
      gauge.record(7);
      gauge.record(bad);
      for (observed of [100 * (round + 1), bad]) await reader.forceFlush();
    }
    observed = 500;
    assert.deepEqual(await values(), {
      counter: { '': [12] },
      upDown: { '': [12] },
      histogram: { '': [12, 12, 0, 0] },
      'sum.gauge': { '': [7] },
      'sum.observed': { '': [500] },
      observedCounter: { '': [500] },
      observedUpDown: { '': [500] },
    });
    assert.ok(dropped >= 3 * 6, `${dropped} were dropped`);
    assert.equal(new Set(warnings).size, warnings.length, 'each kind is said once');
    for (const metric of ['counter', 'upDown', 'histogram', 'observedCounter', 'observedUpDown', 'sum.gauge'])
      assert.ok(
        warnings.some((line) => line.startsWith(`Metric ${metric}: NaN`)),
        metric,
      );
  });
}

describe('without a guard before the SDK', () => {
  test('what the SDK has made of it costs an interval, and nothing after it', async () => {
    const app = new Application();
    const meter = app.provider.getMeter('m');
    const [counter, upDown] = [meter.createCounter('c'), meter.createUpDownCounter('u')];
    const histogram = meter.createHistogram('h', bounds);
    for (const value of [1, Number.NaN, 2]) {
      counter.add(value);
      upDown.add(value);
      histogram.record(value === 2 ? 1.5 : Number.isNaN(value) ? Number.POSITIVE_INFINITY : 1);
      await app.reader.forceFlush();
    }
    assert.deepEqual(await app.values(), { c: { '': [3] }, u: { '': [3] }, h: { '': [2.5, 1, 1, 0] } });
    assert.equal(app.lost.dropped, 3);
  });
});

test('an exponential histogram loses no more', async () => {
  const app = new Application({
    guarded: true,
    provider: {
      views: [{ instrumentName: 'h', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    },
  });
  const histogram = app.provider.getMeter('m').createHistogram('h');
  for (const value of [1, ...BAD, 1]) histogram.record(value);
  await app.reader.forceFlush();
  const [family] = app.store.batches[0]?.deltas ?? [];
  assert.equal(family?.points[0]?.values[3], 2);
  assert.equal(app.lost.dropped, 3);
});

test('an observable counter that says -1 for "unknown" is not begun again', async () => {
  const app = new Application({ guarded: true });
  let value = 100;
  app.provider
    .getMeter('m')
    .createObservableCounter('c')
    .addCallback((result) => result.observe(value));
  for (value of [100, -1, 110]) await app.reader.forceFlush();
  assert.deepEqual(await app.values(), { c: { '': [110] } });
  // One that falls has begun again: its process was not restarted, but what it counts.
  for (value of [5, 6]) await app.reader.forceFlush();
  assert.deepEqual(await app.values(), { c: { '': [116] } });
});

test('gauges may say that there is no number, where no other process is drawn in', async () => {
  const app = new Application({
    guarded: true,
    reader: {
      gaugeAggregation: (name) =>
        (['instance', 'last', 'keep', 'min', 'max', 'avg', 'sum'] as const).find((mode) => mode === name) ??
        'last',
    },
  });
  const meter = app.provider.getMeter('m');
  for (const mode of ['last', 'keep', 'min', 'max', 'avg', 'sum']) {
    const gauge = meter.createGauge(mode);
    gauge.record(Number.NaN, { a: 'nan' });
    gauge.record(Number.POSITIVE_INFINITY, { a: 'inf' });
  }
  assert.deepEqual(await app.values(), {
    last: { 'a=nan': [Number.NaN], 'a=inf': [Infinity] },
    keep: { 'a=nan': [Number.NaN], 'a=inf': [Infinity] },
    min: { 'a=inf': [Infinity] },
    max: { 'a=inf': [Infinity] },
  });
});
