import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { DeltaAccumulator, REFRESH_MS } from '../../src/reader/delta-accumulator.js';
import { gaugeAggregation } from '../../src/reader/gauge-aggregation.js';
import { LossCounter } from '../../src/reader/losses.js';
import type { DeltaBatch } from '../../src/model/delta-batch.js';
import { textOf } from '../contract/bed.js';
import { Application } from './application.js';

const bounds = { advice: { explicitBucketBoundaries: [1, 2] } };

/** What the last batches said, without what stays the same: `{ name: { labels: values } }`. */
function deltasOf(batch: DeltaBatch | undefined): Record<string, Record<string, readonly number[]>> {
  return Object.fromEntries(
    (batch?.deltas ?? []).map(({ family, points }) => [
      family.name,
      Object.fromEntries(points.map(({ series, values }) => [textOf(series), values])),
    ]),
  );
}

describe('a flush of the SDK', () => {
  test('is what was added since the last one, and nothing of what did not change', async () => {
    const app = new Application();
    const meter = app.provider.getMeter('m');
    const counter = meter.createCounter('c');
    const histogram = meter.createHistogram('h', bounds);
    counter.add(1, { a: '1' });
    counter.add(2, { a: '2' });
    histogram.record(1.5);
    await app.reader.forceFlush();
    counter.add(3, { a: '2' });
    await app.reader.forceFlush();
    await app.reader.forceFlush();
    const [first, second, third] = app.store.batches;
    assert.deepEqual(deltasOf(first), { c: { 'a=1': [1], 'a=2': [2] }, h: { '': [1.5, 0, 1, 0] } });
    assert.deepEqual(deltasOf(second), { c: { 'a=2': [3] } });
    assert.deepEqual(deltasOf(third), {});
  });

  test('carries the chosen attributes of the resource, but for a series that has its own', async () => {
    const app = new Application({
      provider: { resource: resourceFromAttributes({ 'service.version': '1', region: 'eu', owner: 'me' }) },
      reader: { resourceLabels: (key) => key !== 'owner' },
    });
    const meter = app.provider.getMeter('m');
    meter.createCounter('c').add(1);
    meter.createHistogram('h', bounds).record(1, { region: 'us', a: '1' });
    meter.createGauge('g').record(1);
    await app.reader.forceFlush();
    assert.deepEqual(deltasOf(app.store.batches[0]), {
      c: { 'region=eu,service.version=1': [1] },
      h: { 'a=1,region=us,service.version=1': [1, 1, 0, 0] },
    });
    const [gauge] = app.store.batches[0]?.current ?? [];
    assert.deepEqual(
      gauge?.points.map(({ series }) => textOf(series)),
      ['region=eu,service.version=1'],
    );
  });

  test('has an observable counter only where it has risen, though it reports every time', async () => {
    const app = new Application();
    let value = 5;
    app.provider
      .getMeter('m')
      .createObservableCounter('c')
      .addCallback((result) => {
        result.observe(value, { a: '1' });
        result.observe(7, { a: '2' });
      });
    await app.reader.forceFlush();
    value = 8;
    await app.reader.forceFlush();
    assert.deepEqual(deltasOf(app.store.batches[1]), { c: { 'a=1': [3] } });
    assert.deepEqual(await app.values(), { c: { 'a=1': [8], 'a=2': [7] } });
  });

  test('shows a counter that was added nothing: a rate over it has a beginning', async () => {
    const app = new Application();
    app.provider.getMeter('m').createCounter('c').add(0);
    assert.deepEqual(await app.values(), { c: { '': [0] } });
  });

  test('has up-down counters and gauges as they stand', async () => {
    const app = new Application({
      reader: { gaugeAggregation: (name) => (name.startsWith('max') ? 'max' : 'instance') },
    });
    const meter = app.provider.getMeter('m');
    const active = meter.createUpDownCounter('active');
    const gauge = meter.createGauge('max.gauge');
    meter.createObservableUpDownCounter('pool').addCallback((result) => result.observe(4));
    meter.createObservableGauge('own').addCallback((result) => result.observe(-1));
    active.add(3);
    gauge.record(7);
    await app.reader.forceFlush();
    active.add(-5);
    const expected = {
      active: { '': [-2] },
      'max.gauge': { '': [7] },
      pool: { '': [4] },
      own: { 'service.instance.id=lease': [-1] },
    };
    assert.deepEqual(await app.values(), expected);
    assert.equal((await app.family('max.gauge'))?.aggregation, 'max');
    assert.equal((await app.family('active'))?.aggregation, 'sum');
  });

  test('lets an observed gauge go with the attribute set that is no longer observed', async () => {
    const app = new Application({ reader: { gaugeAggregation: () => 'last' } });
    let tenants = ['a', 'b'];
    app.provider
      .getMeter('m')
      .createObservableGauge('g')
      .addCallback((result) => {
        for (const tenant of tenants) result.observe(1, { tenant });
      });
    assert.deepEqual(await app.values(), { g: { 'tenant=a': [1], 'tenant=b': [1] } });
    tenants = ['b'];
    assert.deepEqual(await app.values(), { g: { 'tenant=b': [1] } });
    tenants = [];
    assert.deepEqual(await app.values(), {});
  });

  test('lets an observed up-down counter go likewise, and has it as it stands when it comes back', async () => {
    const app = new Application();
    let pools: Record<string, number> = { a: 4, b: 0.5 };
    app.provider
      .getMeter('m')
      .createObservableUpDownCounter('u')
      .addCallback((result) => {
        for (const [pool, size] of Object.entries(pools)) result.observe(size, { pool });
      });
    const steps: ReadonlyArray<Record<string, number>> = [
      pools,
      { a: 4, b: 0.25 },
      { b: -3 },
      { b: -3 },
      { a: 6, b: 0 },
      {},
      { a: 1 },
    ];
    for (const step of steps) {
      pools = step;
      const values = Object.entries(step).map(([pool, size]) => [`pool=${pool}`, [size]]);
      assert.deepEqual(await app.values(), values.length === 0 ? {} : { u: Object.fromEntries(values) });
    }
    assert.equal((await app.family('u'))?.type, 'updowncounter');
  });

  test('has host metrics once for the host, as they stand, with its name', async () => {
    const app = new Application({
      provider: { resource: resourceFromAttributes({ 'host.name': 'web-1', 'service.name': 's' }) },
    });
    const meter = app.provider.getMeter('@opentelemetry/host-metrics');
    let seconds = 100;
    meter
      .createObservableCounter('system.cpu.time')
      .addCallback((result) => result.observe(seconds, { cpu: '0' }));
    meter.createObservableGauge('system.memory.usage').addCallback((result) => result.observe(5));
    meter.createObservableCounter('process.cpu.time').addCallback((result) => result.observe(seconds));
    await app.reader.forceFlush();
    seconds = 103;
    assert.deepEqual(await app.values(), {
      'system.cpu.time': { 'cpu=0,host.name=web-1': [103] },
      'system.memory.usage': { 'host.name=web-1': [5] },
      'process.cpu.time': { '': [103] },
    });
    assert.equal((await app.family('system.cpu.time'))?.type, 'counter');
    assert.equal((await app.family('process.cpu.time'))?.aggregation, undefined);
  });

  test("sums an application's own metrics, whatever they are called", async () => {
    const app = new Application({
      provider: { resource: resourceFromAttributes({ 'host.name': 'web-1' }) },
      reader: { gaugeAggregation: gaugeAggregation([]) },
    });
    const meter = app.provider.getMeter('shop');
    meter.createCounter('system.orders').add(2);
    meter.createObservableCounter('process.runs').addCallback((result) => result.observe(3));
    meter.createObservableGauge('system.temperature').addCallback((result) => result.observe(20));
    meter.createGauge('queue.jobs').record(4);
    const values = await app.values();
    assert.deepEqual(values['system.orders'], { '': [2] });
    assert.deepEqual(values['process.runs'], { '': [3] });
    for (const name of ['system.temperature', 'queue.jobs'])
      assert.equal((await app.family(name))?.aggregation, 'instance', name);
    assert.equal((await app.family('system.orders'))?.aggregation, undefined);
    const own = app.provider.getMeter('@org/orchestrator');
    own.createGauge('queue.jobs', { unit: '{job}' }).record(4);
    own.createGauge('job.last_success.time').record(4);
    const { families } = await app.reader.snapshot();
    const modes = new Set(
      families.map(({ family }) => `${family.name} ${family.unit} ${family.aggregation}`),
    );
    for (const mode of ['queue.jobs  instance', 'queue.jobs {job} last', 'job.last_success.time  keep'])
      assert.ok(modes.has(mode), mode);
  });

  test('keeps two scopes of one name apart by version and attributes, and knows them again', async () => {
    const app = new Application();
    for (const version of ['1', '2', '1']) app.provider.getMeter('m', version).createCounter('c').add(1);
    app.provider.getMeter('n').createCounter('c').add(1);
    const { families } = await app.reader.snapshot();
    assert.equal(families.length, 1);
    assert.deepEqual(
      families[0]?.series.map(({ series, values }) => [series.scope, values[0]]),
      [
        [{ name: 'm', version: '1' }, 2],
        [{ name: 'm', version: '2' }, 1],
        [{ name: 'n' }, 1],
      ],
    );
  });

  test('keeps one name with two types or units apart', async () => {
    const app = new Application();
    app.provider.getMeter('m').createCounter('x').add(1);
    app.provider.getMeter('n').createUpDownCounter('x').add(2);
    app.provider.getMeter('o').createCounter('x', { unit: 'By' }).add(3);
    const { families } = await app.reader.snapshot();
    assert.deepEqual(
      families
        .map(({ family, series }) => `${family.type} ${family.unit} ${series[0]?.values[0]}`)
        .toSorted(),
      ['counter  1', 'counter By 3', 'updowncounter  2'],
    );
  });

  test('takes the boundaries of views, and merges two sets of them on those that they share', async () => {
    const app = new Application({
      provider: {
        views: [1, 2].map((bound) => ({
          instrumentName: 'h',
          meterName: `m${bound}`,
          aggregation: {
            type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
            options: { boundaries: [bound, 5] },
          },
        })),
      },
    });
    for (const meter of ['m1', 'm2']) app.provider.getMeter(meter).createHistogram('h').record(1.5);
    await app.reader.forceFlush();
    assert.deepEqual(
      app.store.batches[0]?.deltas.map(({ family, points }) => [family.boundaries, points[0]?.values]),
      [
        [
          [1, 5],
          [1.5, 0, 1, 0],
        ],
        [
          [2, 5],
          [1.5, 1, 0, 0],
        ],
      ],
    );
    assert.deepEqual((await app.family('h'))?.boundaries, [5]);
  });

  test('adds exponential histograms', async () => {
    const app = new Application({
      provider: {
        views: [{ instrumentName: 'h', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
      },
    });
    const histogram = app.provider.getMeter('m').createHistogram('h');
    for (let round = 0; round < 3; round += 1) {
      histogram.record(2 ** round);
      await app.reader.forceFlush();
    }
    const { families } = await app.reader.snapshot();
    assert.equal(families[0]?.family.type, 'exponentialhistogram');
    assert.deepEqual(app.warnings, []);
  });
});

describe('odd values', () => {
  test('that no sum can hold are dropped, counted, and said once', async () => {
    const app = new Application();
    let dropped = 0;
    app.reader.exporter.onFlush = (report) => {
      dropped += report.dropped;
    };
    const meter = app.provider.getMeter('m');
    const counter = meter.createCounter('c');
    const histogram = meter.createHistogram('h', bounds);
    for (let round = 0; round < 2; round += 1) {
      counter.add(Number.POSITIVE_INFINITY, { a: 'bad' });
      counter.add(1, { a: 'good' });
      histogram.record(Number.POSITIVE_INFINITY, { a: 'bad' });
      histogram.record(1, { a: 'good' });
      await app.reader.forceFlush();
    }
    assert.deepEqual(await app.values(), { c: { 'a=good': [2] }, h: { 'a=good': [2, 2, 0, 0] } });
    assert.equal(dropped, 4);
    assert.equal(app.warnings.length, 2);
    for (const warning of app.warnings) assert.match(warning, /^Metric [ch]: .*dropped/);
    assert.deepEqual(new Set(app.told.codes), new Set(['ORCHESTRATOR_POINTS_DROPPED']));
  });

  test('of a gauge stay what they are', async () => {
    const app = new Application({ reader: { gaugeAggregation: () => 'last' } });
    const gauge = app.provider.getMeter('m').createGauge('g');
    gauge.record(Number.NEGATIVE_INFINITY, { a: '1' });
    gauge.record(Number.NaN, { a: '2' });
    assert.deepEqual(await app.values(), { g: { 'a=1': [-Infinity], 'a=2': [Number.NaN] } });
  });

  test('of attributes become text that any scrape can carry', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    counter.add(1, { 'bad\ud800key': 'bad\udc00value' });
    counter.add(1, { list: ['a', 'b\ud800'], numbers: [1, 2.5], mixed: [null, 'x'] });
    counter.add(1, { number: 1.5, nan: Number.NaN, yes: true, none: undefined });
    const strange: Attributes = JSON.parse('{"nested": {"a": 1}, "nothing": null}');
    counter.add(1, strange);
    counter.add(1, { silent: Object.assign([], { toJSON: () => undefined }) });
    counter.add(2);
    assert.deepEqual(await app.values(), {
      c: {
        'bad\ufffdkey=bad\ufffdvalue': [1],
        'list=["a","b\\ud800"],mixed=[null,"x"],numbers=[1,2.5]': [1],
        'nan=NaN,number=1.5,yes=true': [1],
        'nested={"a":1}': [1],
        'silent=': [1],
        '': [2],
      },
    });
  });
});

describe('while the store is away', () => {
  test('series beyond the cap are summed into one, and those that wait are kept', async () => {
    const app = new Application({ reader: { maxSeries: 3 } });
    let overflowed = 0;
    app.reader.exporter.onFlush = (report) => {
      overflowed += report.overflowed;
    };
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.otherwise = 'refused';
    // The first collection is already under way to the store; what comes after it waits.
    await app.reader.forceFlush().catch(() => undefined);
    for (let id = 0; id < 10; id += 1) {
      counter.add(1, { id });
      counter.add(1, { id: 0 });
      await app.reader.forceFlush().catch(() => undefined);
    }
    assert.equal(app.reader.exporter.pendingSeries, 4);
    app.store.otherwise = 'applied';
    const values = await app.values();
    assert.deepEqual(values, {
      c: { 'id=0': [11], 'id=1': [1], 'id=2': [1], 'otel.metric.overflow=true': [7] },
    });
    assert.equal(overflowed, 7);
  });

  test('memory grows with the series and not with the time', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.otherwise = 'refused';
    for (let round = 0; round < 200; round += 1) {
      counter.add(1, { id: round % 5 });
      await app.reader.forceFlush().catch(() => undefined);
    }
    assert.ok(app.reader.exporter.pendingSeries <= 6);
  });
});

test('a wall clock that is set back freezes no gauge', async (t) => {
  const app = new Application({ reader: { gaugeAggregation: () => 'last' } });
  const meter = app.provider.getMeter('m');
  const [gauge, upDown] = [meter.createGauge('g'), meter.createUpDownCounter('u')];
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  for (const [step, hours] of [0, 2, -1, -3, 0].entries()) {
    Date.now = () => now() + hours * 3_600_000;
    gauge.record(step);
    upDown.add(1);
    assert.deepEqual(await app.values(), { g: { '': [step] }, u: { '': [step + 1] } });
  }
});

test('an application that collects by itself takes nothing away', async () => {
  const app = new Application();
  const meter = app.provider.getMeter('m');
  const [counter, upDown] = [meter.createCounter('c'), meter.createUpDownCounter('u')];
  for (let round = 0; round < 3; round += 1) {
    counter.add(1);
    upDown.add(1);
    const { resourceMetrics } = await app.reader.collect();
    assert.equal(resourceMetrics.scopeMetrics.length, 1);
  }
  assert.deepEqual(await app.values(), { c: { '': [3] }, u: { '': [3] } });
});

describe('callbacks', () => {
  test('that throw or hang cost their own points and no others', async () => {
    const app = new Application({ reader: { exportIntervalMillis: 3_600_000, exportTimeoutMillis: 50 } });
    const meter = app.provider.getMeter('m');
    meter.createObservableGauge('hangs').addCallback(() => new Promise<void>(() => undefined));
    meter.createObservableGauge('throws').addCallback(() => {
      throw new Error('no');
    });
    meter.createObservableCounter('works').addCallback((result) => result.observe(3));
    meter.createCounter('c').add(1);
    assert.deepEqual(await app.values(), { works: { '': [3] }, c: { '': [1] } });
  });
});

/** A collection as the SDK hands it over, for what takes hours with a real one. */
function collection(
  name: string,
  attributes: readonly Attributes[],
  { isMonotonic, value } = { isMonotonic: true, value: 0 },
): ResourceMetrics {
  const time: HrTime = [0, 0];
  const metric: MetricData = {
    descriptor: { name, description: '', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.SUM,
    isMonotonic,
    dataPoints: attributes.map((one) => ({ startTime: time, endTime: time, attributes: one, value })),
  };
  return {
    resource: resourceFromAttributes({}),
    scopeMetrics: [{ scope: { name: 'm' }, metrics: [metric] }],
  };
}

const accumulator = (): DeltaAccumulator =>
  new DeltaAccumulator({
    gaugeAggregation: () => 'instance',
    maxSeries: 100,
    maxLabelLength: 1024,
    refreshMs: REFRESH_MS,
    resourceLabels: () => false,
    losses: new LossCounter(() => undefined),
  });
const points = (batch: DeltaBatch): number => batch.deltas.reduce((sum, one) => sum + one.points.length, 0);

describe('over hours', () => {
  test('a counter that does not rise is written again every minute, so that it does not expire', () => {
    const one = accumulator();
    let written = 0;
    for (let second = 0; second < 3600; second += 5) {
      one.add(collection('c', [{}]), second * 1000);
      written += points(one.take(second + 1));
    }
    assert.equal(written, 60);
  });

  test('an observed up-down counter that comes back has not forgotten where it stood', () => {
    const one = accumulator();
    const change = { isMonotonic: false, value: 5 };
    const shown = (hour: number, attributes: readonly Attributes[]): number[] => {
      one.add(collection('u', attributes, change), hour * 3_600_000);
      return one.take(hour).current.flatMap((family) => family.points.map(({ value }) => value));
    };
    assert.deepEqual(shown(1, [{}]), [5]);
    for (let hour = 2; hour < 6; hour += 1) assert.deepEqual(shown(hour, []), []);
    assert.deepEqual(shown(6, [{}]), [10]);
  });

  test('a name and a unit that no text can carry are recognized', () => {
    const one = accumulator();
    for (let round = 0; round < 3; round += 1) {
      const metrics = collection('c\ud800', [{}], { isMonotonic: true, value: 1 });
      for (const { metrics: list } of metrics.scopeMetrics)
        for (const { descriptor } of list) Object.assign(descriptor, { unit: '{u\udfff}' });
      one.add(metrics, round);
    }
    assert.equal(one.knownSeries, 1);
    assert.deepEqual(deltasOf(one.take(1)), { 'c\ufffd': { '': [3] } });
  });

  test('changing labels are forgotten, by time and by number', () => {
    const one = accumulator();
    for (let round = 0; round < 1000; round += 1) {
      const attributes = Array.from({ length: 100 }, (_, index) => ({ id: round * 100 + index }));
      one.add(collection('c', attributes), round * 1000);
      one.take(round + 1);
    }
    assert.ok(one.knownSeries <= 1000, `${one.knownSeries} series are remembered`);
    for (let hour = 1; hour < 3; hour += 1) one.add(collection('c', []), 1_000_000 + hour * 3_600_000);
    assert.equal(one.knownSeries, 0);
  });
});
