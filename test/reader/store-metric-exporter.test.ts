import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { OrchestratorError } from '../../src/errors.js';
import type { FlushReport } from '../../src/reader/flush-report.js';
import { eventually } from '../helpers/eventually.js';
import { Application } from './application.js';
import type { Fate } from './scripted-store.js';

const away = { message: 'the store is away.' };

describe('a store that fails', () => {
  test('loses nothing and counts nothing twice, whatever it answers', async () => {
    const fate = fc.constantFrom<Fate>('applied', 'refused', 'lostReply');
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 20 }), async (fates) => {
        const app = new Application();
        const counter = app.provider.getMeter('m').createCounter('c');
        const histogram = app.provider
          .getMeter('m')
          .createHistogram('h', { advice: { explicitBucketBoundaries: [1] } });
        app.store.fates.push(...fates);
        for (let round = 1; round <= fates.length; round += 1) {
          counter.add(round);
          histogram.record(2);
          await app.reader.forceFlush().catch(() => undefined);
        }
        app.store.fates.length = 0;
        counter.add(1);
        histogram.record(2);
        const rounds = fates.length + 1;
        assert.deepEqual(await app.values(), {
          c: { '': [((rounds - 1) * rounds) / 2 + 1] },
          h: { '': [2 * rounds, 0, rounds] },
        });
        assert.equal(app.reader.exporter.pendingSeries, 0);
      }),
      { numRuns: 200 },
    );
  });

  test('gets the very same batch until it confirms it, and what came meanwhile as one', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.otherwise = 'refused';
    for (let round = 0; round < 5; round += 1) {
      counter.add(1);
      await assert.rejects(app.reader.forceFlush(), away);
    }
    app.store.otherwise = 'applied';
    await app.reader.forceFlush();
    const { batches } = app.store;
    assert.equal(new Set(batches.slice(0, 6)).size, 1);
    assert.deepEqual(
      batches.slice(5).map(({ sequence }) => sequence),
      [1, 2],
    );
    assert.deepEqual(await app.values(), { c: { '': [5] } });
  });

  test('costs one warning per change of state, and a report per attempt', async () => {
    const app = new Application();
    const reports: FlushReport[] = [];
    app.reader.exporter.onFlush = (report) => reports.push(report);
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.fates.push('applied', 'refused', 'refused', 'lostReply');
    for (let round = 0; round < 6; round += 1) {
      counter.add(1);
      await app.reader.forceFlush().catch(() => undefined);
    }
    assert.equal(app.warnings.length, 2);
    assert.match(app.warnings[0] ?? '', /^the store is away\. Metrics wait in memory/);
    assert.match(app.warnings[1] ?? '', /^Store scripted answers again/);
    assert.deepEqual(app.told.codes, ['ORCHESTRATOR_METRICS_WAIT', 'ORCHESTRATOR_METRICS_SENT']);
    assert.deepEqual(
      reports.map(({ error }) => error !== undefined),
      [false, true, true, true, false, false],
    );
  });

  test('another kind of failure is another state', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.otherwise = 'refused';
    for (const code of ['ORCHESTRATOR_STORE_UNAVAILABLE', 'ORCHESTRATOR_PREFIX_TAKEN'] as const) {
      app.store.failure = new OrchestratorError(code, `${code}.`);
      for (let round = 0; round < 2; round += 1) {
        counter.add(1);
        await assert.rejects(app.reader.forceFlush(), { code });
      }
    }
    assert.deepEqual(
      app.warnings.map((text) => text.split('.')[0]),
      ['ORCHESTRATOR_STORE_UNAVAILABLE', 'ORCHESTRATOR_PREFIX_TAKEN'],
    );
  });

  test('that rejects with nothing has failed all the same', async () => {
    const app = new Application();
    app.store.failure = undefined;
    app.store.fates.push('refused');
    app.provider.getMeter('m').createCounter('c').add(1);
    await assert.rejects(app.reader.forceFlush(), { code: 'ORCHESTRATOR_STORE_UNAVAILABLE' });
    assert.deepEqual(await app.values(), { c: { '': [1] } });
  });

  test('gets what waits when it is back, though the application measures nothing any more', async () => {
    const app = new Application();
    app.provider.getMeter('m').createCounter('c').add(3);
    app.store.fates.push('refused');
    await assert.rejects(app.reader.forceFlush(), away);
    await app.reader.forceFlush();
    assert.deepEqual(await app.values(), { c: { '': [3] } });
  });

  test('is tried again at the next interval, though nothing was measured', async () => {
    const app = new Application({ reader: { exportIntervalMillis: 10 } });
    app.store.fates.push('refused', 'lostReply');
    app.provider.getMeter('m').createCounter('c').add(3);
    await eventually(async () => {
      assert.deepEqual((await app.store.snapshot()).families[0]?.series[0]?.values, [3]);
      assert.equal(app.reader.exporter.lastError, undefined);
    });
    await app.provider.shutdown();
  });
});

describe('a store that hangs', () => {
  test('has one attempt under way, and gets the rest as soon as it answers', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.fates.push('held');
    counter.add(1);
    const flushes = [app.reader.forceFlush()];
    await eventually(() => assert.equal(app.store.batches.length, 1));
    for (let round = 0; round < 5; round += 1) {
      counter.add(1);
      await app.reader.collect();
      flushes.push(app.reader.forceFlush());
    }
    assert.equal(app.store.batches.length, 1);
    app.store.release();
    await Promise.all(flushes);
    assert.equal(app.store.mostAtOnce, 1);
  });

  test('does not stop collections', async () => {
    const app = new Application({ reader: { exportIntervalMillis: 10 } });
    let collections = 0;
    app.provider
      .getMeter('m')
      .createObservableGauge('g')
      .addCallback((result) => {
        collections += 1;
        result.observe(collections);
      });
    app.store.fates.push('held');
    await eventually(() => assert.ok(collections > 3));
    assert.equal(app.store.batches.length, 1);
    app.store.release();
    await app.provider.shutdown();
    assert.equal(app.store.mostAtOnce, 1);
  });

  test('and fails at last: what was collected meanwhile is sent after it, once', async () => {
    const app = new Application();
    const counter = app.provider.getMeter('m').createCounter('c');
    app.store.fates.push('held');
    app.store.failure = new Error('too late');
    counter.add(1);
    const first = app.reader.forceFlush();
    await eventually(() => assert.equal(app.store.batches.length, 1));
    counter.add(1);
    const second = app.reader.forceFlush();
    app.store.fates.push('lostReply');
    app.store.release();
    await Promise.allSettled([first, second]);
    assert.deepEqual(await app.values(), { c: { '': [2] } });
    assert.equal(app.store.mostAtOnce, 1);
  });
});

describe('the end', () => {
  test('sends what was recorded, leaves, and closes once', async () => {
    const app = new Application();
    app.provider.getMeter('m').createCounter('c').add(1);
    await app.provider.shutdown();
    await app.reader.exporter.shutdown();
    assert.equal(app.store.batches.length, 1);
    assert.deepEqual(app.store.calls, ['leave', 'close']);
  });

  test('closes a store that fails, and says what is lost', async () => {
    const app = new Application();
    app.store.otherwise = 'refused';
    const meter = app.provider.getMeter('m');
    meter.createCounter('c').add(1);
    meter.createCounter('d').add(1, { a: 'b' });
    await app.provider.shutdown().catch(() => undefined);
    assert.deepEqual(app.store.calls, ['close']);
    assert.match(
      app.warnings.at(-1) ?? '',
      /last values of 2 series did not reach the store: the store is away/,
    );
    assert.equal(app.told.codes.at(-1), 'ORCHESTRATOR_METRICS_LOST');
  });

  test('that allows no more waiting says what is lost, once, and whether the store has answered', async () => {
    const app = new Application();
    assert.equal(app.reader.exporter.reportLosses(), 0);
    app.store.fates.push('held');
    app.provider.getMeter('m').createCounter('c').add(1);
    const flushed = app.reader.forceFlush();
    await eventually(() => assert.equal(app.store.batches.length, 1));
    assert.equal(app.reader.exporter.reportLosses(), 1);
    assert.equal(app.reader.exporter.reportLosses(), 1);
    assert.deepEqual(app.warnings, [
      'The last values of 1 series did not reach the store: it has not answered yet.',
    ]);
    app.store.release();
    await flushed;
    assert.equal(app.reader.exporter.reportLosses(), 0);
  });

  test('loses the last value of a gauge that outlives its process, too', async () => {
    const app = new Application({ reader: { gaugeAggregation: () => 'keep' } });
    const meter = app.provider.getMeter('m');
    const [time, other] = [meter.createGauge('time'), meter.createGauge('other')];
    time.record(1);
    other.record(1);
    await app.reader.forceFlush();
    assert.equal(app.reader.exporter.reportLosses(), 0);
    app.store.otherwise = 'refused';
    time.record(2);
    await app.reader.forceFlush().catch(() => undefined);
    assert.equal(app.reader.exporter.reportLosses(), 1);
    assert.match(
      app.warnings.at(-1) ?? '',
      /last values of 1 series did not reach the store: the store is away/,
    );
  });

  test('a lease that is given back begins again with the next flush', async () => {
    const app = new Application();
    const gauge = app.provider.getMeter('m').createUpDownCounter('u');
    gauge.add(5);
    await app.reader.forceFlush();
    await app.reader.exporter.endLease();
    assert.equal((await app.store.snapshot()).instances, 0);
    assert.deepEqual(await app.values(), { u: { '': [5] } });
  });
});
