import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAllowListAttributesProcessor, type ViewOptions } from '@opentelemetry/sdk-metrics';

import { CollectedMetrics } from '../instrumentation/collected-metrics.js';
import { Application } from './application.js';

const onlyKind = createAllowListAttributesProcessor(['kind']);
const views: ViewOptions[] = [{ instrumentName: '*', attributesProcessors: [onlyKind] }];

test('the SDK by itself keeps the last of what falls together: when this fails, the guard may leave it to the SDK', async (t) => {
  const metrics = new CollectedMetrics(views);
  t.after(() => metrics.shutdown());
  metrics.meter.createObservableCounter('c').addCallback((result) => {
    result.observe(10, { kind: 'a', id: 1 });
    result.observe(20, { kind: 'a', id: 2 });
  });
  assert.deepEqual(await metrics.series('c'), { 'kind=a': 20 });
});

describe('a view that drops an attribute', () => {
  test('gives the sum of what falls together, for every instrument whose values add up', async () => {
    const app = new Application({
      guarded: true,
      provider: { views },
      reader: { gaugeAggregation: () => 'last' },
    });
    const meter = app.provider.getMeter('m');
    let observed: ReadonlyArray<readonly [value: number, id: number]> = [];
    const instruments = [
      meter.createObservableCounter('c'),
      meter.createObservableUpDownCounter('u'),
      meter.createObservableGauge('g'),
    ];
    for (const instrument of instruments)
      instrument.addCallback((result) => {
        for (const [value, id] of observed) result.observe(value, { kind: 'a', id });
      });
    const counter = meter.createCounter('sync');
    const steps = [
      {
        step: [
          [10, 1],
          [20, 2],
        ] as const,
        c: 30,
        u: 30,
        g: 20,
      },
      // One rises, one is gone: a counter keeps what was counted.
      {
        step: [
          [15, 1],
          [1, 3],
        ] as const,
        c: 36,
        u: 16,
        g: 1,
      },
      // One comes back where it stood, one has begun again.
      {
        step: [
          [5, 1],
          [20, 2],
        ] as const,
        c: 41,
        u: 25,
        g: 20,
      },
    ];
    for (const { step, c, u, g } of steps) {
      observed = step;
      counter.add(1, { kind: 'a', id: c });
      const values = await app.values();
      assert.deepEqual(
        [values['c'], values['u'], values['g']],
        [c, u, g].map((value) => ({ 'kind=a': [value] })),
      );
    }
    assert.deepEqual((await app.values())['sync'], { 'kind=a': [3] });
  });

  test('also where several callbacks observe the parts, and through addBatchObservableCallback', async () => {
    const app = new Application({ guarded: true, provider: { views } });
    const meter = app.provider.getMeter('m');
    const [counter, upDown] = [meter.createObservableCounter('c'), meter.createObservableUpDownCounter('u')];
    let round = 1;
    for (const id of [1, 2, 3])
      meter.addBatchObservableCallback(
        (result) => {
          result.observe(counter, 10 * round, { kind: 'a', id });
          result.observe(upDown, round, { kind: 'a', id });
        },
        [counter, upDown],
      );
    for (round = 1; round <= 3; round += 1) {
      assert.deepEqual(await app.values(), { c: { 'kind=a': [30 * round] }, u: { 'kind=a': [3 * round] } });
    }
  });

  test('that only renames changes nothing else', async () => {
    const app = new Application({
      guarded: true,
      provider: {
        views: [
          { instrumentName: 'c', name: 'renamed' },
          { instrumentName: 'c', name: 'short', attributesProcessors: [onlyKind] },
        ],
      },
    });
    let value = 1;
    app.provider
      .getMeter('m')
      .createObservableCounter('c')
      .addCallback((result) => {
        for (const id of [1, 2]) result.observe(value, { kind: 'a', id });
      });
    for (value = 1; value <= 3; value += 1) {
      assert.deepEqual(await app.values(), {
        renamed: { 'id=1,kind=a': [value], 'id=2,kind=a': [value] },
        short: { 'kind=a': [2 * value] },
      });
    }
  });
});

test('other readers of the same provider see the same numbers', async (t) => {
  const metrics = new CollectedMetrics(views);
  t.after(() => metrics.shutdown());
  const app = new Application();
  app.reader.guard(metrics.provider);
  metrics.provider
    .getMeter('guarded')
    .createObservableCounter('c')
    .addCallback((result) => {
      for (const id of [1, 2]) result.observe(10 * id, { kind: 'a', id });
      result.observe(Number.NaN, { kind: 'b' });
    });
  for (let round = 0; round < 2; round += 1) assert.deepEqual(await metrics.series('c'), { 'kind=a': 30 });
  await app.provider.shutdown();
});
