import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics';

import { Application } from './application.js';
import { projectOn, STORE_KINDS } from './each-store.js';

const OVERFLOW = 'otel.metric.overflow=true';
const total = (values: Record<string, number[]> = {}): number =>
  Object.values(values).reduce((sum, [value = Number.NaN]) => sum + value, 0);

for (const kind of STORE_KINDS) {
  test(`more attribute sets than the SDK's own limit: the sum is right, and what overflows is counted: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const { meter, reader, values } = open({ maxSeries: 2000 });
    let overflowed = 0;
    reader.exporter.onFlush = (report) => {
      overflowed += report.overflowed;
    };
    const sets = 2500;
    let rounds = 0;
    const counter = meter.createCounter('counter');
    const upDown = meter.createUpDownCounter('upDown');
    meter.createObservableCounter('observed').addCallback((result) => {
      for (let peer = 0; peer < sets; peer += 1) result.observe(10 * rounds + (peer % 7), { peer });
    });
    meter.createObservableUpDownCounter('observedUpDown').addCallback((result) => {
      for (let peer = 0; peer < sets; peer += 1) result.observe(rounds, { peer });
    });
    for (rounds = 1; rounds <= 3; rounds += 1) {
      for (let peer = 0; peer < sets; peer += 1) {
        counter.add(1, { peer });
        upDown.add(1, { peer });
      }
      await reader.forceFlush();
    }
    rounds = 3;
    const shown = await values();
    let right = 0;
    for (let peer = 0; peer < sets; peer += 1) right += 30 + (peer % 7);
    assert.equal(total(shown['counter']), 3 * sets);
    assert.equal(total(shown['upDown']), 3 * sets);
    assert.equal(total(shown['observed']), right);
    assert.equal(total(shown['observedUpDown']), 3 * sets);
    for (const series of Object.values(shown)) {
      assert.equal(Object.keys(series).length, 2001);
      assert.ok((series[OVERFLOW]?.[0] ?? 0) > 0);
    }
    assert.ok(overflowed > 0);
  });
}

describe('a limit', () => {
  test("above the SDK's own raises that too", async () => {
    const app = new Application({ reader: { maxSeries: 3000 }, guarded: true });
    const meter = app.provider.getMeter('m');
    const counter = meter.createCounter('c');
    for (let id = 0; id < 2500; id += 1) counter.add(1, { id });
    meter.createObservableGauge('g').addCallback((result) => {
      for (let id = 0; id < 2500; id += 1) result.observe(1, { id });
    });
    const { c = {}, g = {} } = await app.values();
    assert.deepEqual([Object.keys(c).length, Object.keys(g).length], [2500, 2500]);
    assert.equal(app.lost.overflowed, 0);
  });

  test('holds for what a callback observes in one collection, and then for as long as it goes on', async () => {
    const app = new Application({ reader: { maxSeries: 2, gaugeAggregation: () => 'last' }, guarded: true });
    const meter = app.provider.getMeter('m');
    let sets: Record<string, number> = {};
    const instruments = [
      meter.createObservableCounter('c'),
      meter.createObservableUpDownCounter('u'),
      meter.createObservableGauge('g'),
    ];
    for (const instrument of instruments)
      instrument.addCallback((result) => {
        for (const [id, value] of Object.entries(sets)) result.observe(value, { id });
      });
    const steps: ReadonlyArray<readonly [Record<string, number>, Record<string, Record<string, number[]>>]> =
      [
        [
          { a: 1, b: 2, d: 3, e: 4 },
          {
            c: { 'id=a': [1], 'id=b': [2], [OVERFLOW]: [7] },
            u: { 'id=a': [1], 'id=b': [2], [OVERFLOW]: [7] },
            g: { 'id=a': [1], 'id=b': [2], [OVERFLOW]: [4] },
          },
        ],
        // One of those beyond the limit rises, one is gone, one has begun again.
        [
          { a: 1, d: 5, f: 1 },
          {
            c: { 'id=a': [1], 'id=b': [2], [OVERFLOW]: [10] },
            u: { 'id=a': [1], [OVERFLOW]: [6] },
            g: { 'id=a': [1], [OVERFLOW]: [1] },
          },
        ],
        [
          { b: 3, d: 2, e: 4 },
          {
            c: { 'id=a': [1], 'id=b': [3], [OVERFLOW]: [12] },
            u: { 'id=b': [3], [OVERFLOW]: [6] },
            g: { 'id=b': [3], [OVERFLOW]: [4] },
          },
        ],
      ];
    for (const [step, expected] of steps) {
      sets = step;
      assert.deepEqual(await app.values(), expected);
    }
  });

  test('of a view is counted as well, and applies after the view', async () => {
    const app = new Application({
      guarded: true,
      provider: {
        views: [
          {
            instrumentName: '*',
            attributesProcessors: [createAllowListAttributesProcessor(['kind'])],
            aggregationCardinalityLimit: 3,
          },
        ],
      },
    });
    const meter = app.provider.getMeter('m');
    meter.createObservableCounter('few').addCallback((result) => {
      for (let id = 0; id < 100; id += 1) result.observe(1, { kind: 'a', id });
    });
    meter.createObservableCounter('many').addCallback((result) => {
      for (let id = 0; id < 100; id += 1) result.observe(1, { kind: id % 4 });
    });
    assert.deepEqual(await app.values(), {
      few: { 'kind=a': [100] },
      many: { 'kind=0': [1], 'kind=1': [1], [OVERFLOW]: [2] },
    });
    assert.equal(app.lost.overflowed, 1);
  });

  test('counts a flush only where something was added beyond it', async () => {
    const app = new Application({ reader: { maxSeries: 1 }, guarded: true });
    const counter = app.provider.getMeter('m').createCounter('c');
    for (let id = 0; id < 3; id += 1) counter.add(1, { id });
    await app.reader.forceFlush();
    const { overflowed } = app.lost;
    assert.ok(overflowed > 0);
    await app.reader.forceFlush();
    assert.equal(app.lost.overflowed, overflowed);
  });
});
