import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Application } from './application.js';

const OVERFLOW = 'otel.metric.overflow=true';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of heap that are in use. */
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const KINDS = ['createCounter', 'createUpDownCounter', 'createGauge', 'createHistogram'] as const;

describe('attributes that change all the time', () => {
  for (const kind of KINDS) {
    test(`cost memory and a flush by the limit, not by their number: ${kind}`, async () => {
      const app = new Application({ reader: { maxSeries: 50 }, guarded: true, storeMaxSeries: 50 });
      const instrument = app.provider.getMeter('m')[kind]('m');
      let id = 0;
      const flush = async (): Promise<void> => {
        for (let n = 0; n < 40; n += 1) {
          const attributes = { id: (id += 1) };
          if ('add' in instrument) instrument.add(1, attributes);
          else instrument.record(1, attributes);
        }
        await app.reader.forceFlush();
        // What the store is told is what it is told of each flush, and not what this test remembers of them.
        app.store.batches.splice(0, app.store.batches.length - 1);
      };
      for (let round = 0; round < 50; round += 1) await flush();
      const before = heapUsed();
      for (let round = 0; round < 200; round += 1) await flush();
      const [batch] = app.store.batches;
      const points = [...(batch?.deltas ?? []), ...(batch?.current ?? [])].map(
        (family) => family.points.length,
      );
      assert.ok(Math.max(...points) <= 51, `${points.join()} points in one flush`);
      // 8,000 sets that are kept for ever are 3 MB.
      const grown = heapUsed() - before;
      assert.ok(grown < 1_500_000, `${grown} bytes more`);
    });
  }

  test('of an up-down counter: the sum is right, and what stands at zero makes room for what comes', async () => {
    const app = new Application({ reader: { maxSeries: 3 }, guarded: true });
    const open = app.provider.getMeter('m').createUpDownCounter('open');
    // One connection after the other: never more than two, so that all are shown.
    for (let id = 1; id <= 10; id += 1) {
      open.add(1, { id });
      if (id > 1) open.add(-1, { id: id - 1 });
      await app.reader.forceFlush();
    }
    assert.deepEqual(await app.values(), { open: { 'id=8': [0], 'id=9': [0], 'id=10': [1] } });
    // More at once than there is room for.
    for (let id = 11; id <= 15; id += 1) open.add(1, { id });
    assert.deepEqual(await app.values(), {
      open: { 'id=10': [1], 'id=11': [1], 'id=12': [1], [OVERFLOW]: [3] },
    });
    for (let id = 10; id <= 15; id += 1) open.add(-1, { id });
    assert.deepEqual(await app.values(), {
      open: { 'id=10': [0], 'id=11': [0], 'id=12': [0], [OVERFLOW]: [0] },
    });
    assert.ok(app.lost.overflowed > 0);
  });

  test('of a gauge: the first ones as they stand, and the newest of all others', async () => {
    const app = new Application({ reader: { maxSeries: 2, gaugeAggregation: () => 'last' }, guarded: true });
    const gauge = app.provider.getMeter('m').createGauge('g');
    for (let id = 1; id <= 5; id += 1) {
      gauge.record(id, { id });
      await app.reader.forceFlush();
    }
    gauge.record(10, { id: 1 });
    assert.deepEqual(await app.values(), { g: { 'id=1': [10], 'id=2': [2], [OVERFLOW]: [5] } });
    assert.deepEqual(await app.values(), { g: { 'id=1': [10], 'id=2': [2], [OVERFLOW]: [5] } });
  });
});
