import assert from 'node:assert/strict';
import { test } from 'node:test';

import { normalizeAttributes, normalizeScope } from '../../src/reader/normalize.js';
import { makeSeries } from '../../src/model/series.js';
import { add, added, assertValues, type Bed, counter, histogram, series, SHORT_MS } from './bed.js';

const requests = counter('requests');
const duration = histogram('duration', [0.1, 1]);

/** Promise 1 and 2: counters and histograms. */
export function additiveContract(bed: () => Bed): void {
  test('snapshots that are asked for at once are all whole, also the first ones of a process', async () => {
    const [writer, reader] = [
      await bed().instance({ maxSeries: 2000 }),
      await bed().instance({ maxSeries: 2000 }),
    ];
    const users = Array.from({ length: 1200 }, (_, id) => add(series({ user: String(id) }), 1));
    await writer.send({ deltas: [added(counter('a'), ...users), added(counter('b'), ...users)] });
    const snapshots = await Promise.all(Array.from({ length: 3 }, () => reader.store.snapshot()));
    for (const { families } of snapshots)
      assert.deepEqual(
        families.map((one) => one.series.length),
        [1200, 1200],
      );
  });

  test('an empty project has an empty snapshot', async () => {
    const a = await bed().instance();
    const { processes = [], ...snapshot } = await a.store.snapshot();
    assert.deepEqual(snapshot, { resource: [], instances: 0, families: [] });
    assert.deepEqual(processes, []);
  });

  test('the sum of several instances, read by any of them, and by one that never wrote', async () => {
    const [a, b, c] = [await bed().instance(), await bed().instance(), await bed().instance()];
    await a.send({
      deltas: [
        added(requests, add(series({ code: '200' }), 3), add(series({ code: '500' }), 1)),
        added(duration, add(series(), 2.5, 1, 2, 3)),
      ],
    });
    await b.send({
      deltas: [
        added(requests, add(series({ code: '200' }), 4)),
        added(duration, add(series(), 0.25, 0, 1, 0)),
      ],
    });
    await a.send({ deltas: [added(requests, add(series({ code: '200' }), 10))] });
    const expected = {
      requests: { 'code=200': [17], 'code=500': [1] },
      duration: { '': [2.75, 1, 3, 3] },
    };
    for (const reader of [a, b, c]) await assertValues(reader, expected);
    assert.equal((await c.store.snapshot()).instances, 2);
  });

  test('a batch that is sent again adds nothing, nor does one with an earlier sequence', async () => {
    const a = await bed().instance();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    const second = {
      sequence: 2,
      resource: [],
      collectedAt: 0,
      deltas: [added(requests, add(series(), 2))],
      current: [],
    };
    for (let time = 0; time < 3; time += 1) await a.store.apply(second);
    await a.sendAgain();
    await assertValues(a, { requests: { '': [3] } });
  });

  test('a batch that is sent again after the lease was ended, or ran out, adds nothing', async () => {
    const [a, b] = [await bed().instance({ leaseMs: SHORT_MS }), await bed().instance()];
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    await b.send({ deltas: [added(requests, add(series(), 10))] });
    await b.store.endLease();
    await b.sendAgain();
    await bed().after(SHORT_MS, async () => {
      assert.ok((await b.store.snapshot()).instances < 2);
    });
    await a.sendAgain();
    await assertValues(b, { requests: { '': [11] } });
  });

  test('an instance may skip sequences', async () => {
    const a = await bed().instance();
    for (const sequence of [5, 9, 7]) {
      await a.store.apply({
        sequence,
        resource: [],
        collectedAt: 0,
        deltas: [added(requests, add(series(), sequence))],
        current: [],
      });
    }
    await assertValues(a, { requests: { '': [14] } });
  });

  test('instances that write at the same time lose nothing', async () => {
    const writers = await Promise.all(Array.from({ length: 6 }, () => bed().instance()));
    await Promise.all(
      writers.map(async (writer, index) => {
        for (let round = 0; round < 20; round += 1) {
          await writer.send({
            deltas: [
              added(requests, add(series(), 1), add(series({ writer: String(index) }), 2)),
              added(duration, add(series(), 1, 1, 0, 1)),
            ],
          });
        }
      }),
    );
    const own = Object.fromEntries(writers.map((_, index) => [`writer=${index}`, [40]]));
    const [reader] = writers;
    assert.ok(reader);
    await assertValues(reader, { requests: { '': [120], ...own }, duration: { '': [120, 120, 0, 120] } });
  });

  test('any double is kept as it is', async () => {
    const a = await bed().instance();
    const numbers = [0.1, 1e-300, 5e-324, 1e300, 2 ** 53, 1 / 3];
    await a.send({
      deltas: [added(requests, ...numbers.map((value, index) => add(series({ n: String(index) }), value)))],
    });
    const expected = Object.fromEntries(numbers.map((value, index) => [`n=${index}`, [value]]));
    await assertValues(a, { requests: expected });
  });

  test('hostile labels, names and scopes come back as they were', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const scope = normalizeScope({
      name: 'scope "x"\n',
      version: '1.0\\',
      schemaUrl: 'https://x/\u{1f600}',
      attributes: { 'a.b': 'ü' },
    });
    const hostile = [
      {},
      { empty: '' },
      { '': 'empty key' },
      { quote: '"', backslash: '\\', newline: 'a\nb\r\n', tab: '\t', null: 'a\0b', braces: '{}[],:=;' },
      { ключ: 'значение', '\u{1f600}': '\u{1f680}', rtl: '\u202eabc', combining: 'e\u0301', bom: '\ufeff' },
      { surrogate: `a\ud800b`, 'low\udc00': 'x' },
      { number: 1.5, no: false, list: ['a', 'b"'], numbers: [1, 2] },
      { __proto__: 'x', constructor: 'y', toString: 'z' },
      { long: 'x'.repeat(5000) },
    ].map((attributes) => makeSeries(scope, normalizeAttributes(attributes)));
    const odd = counter('odd name "é"\n{}', { help: 'help "\\\n\u{1f600}', unit: '{req"}' });
    await a.send({ deltas: [added(odd, ...hostile.map((one) => add(one, 1)))] });
    const { families } = await b.store.snapshot();
    assert.deepEqual(families[0]?.family, odd);
    const byId = new Map(families[0]?.series.map((point) => [point.series.id, point.series]));
    for (const one of hostile) assert.deepEqual(byId.get(one.id), one);
    assert.equal(byId.size, hostile.length);
  });

  test('a batch of 5,000 series, and a histogram of 1,000 boundaries', async () => {
    const a = await bed().instance({ maxSeries: 10_000 });
    const wide = histogram(
      'wide',
      Array.from({ length: 1000 }, (_, index) => index),
    );
    const many = Array.from({ length: 5000 }, (_, index) => series({ n: String(index) }));
    const counts = Array.from({ length: 1001 }, (_, index) => index);
    for (let round = 0; round < 2; round += 1) {
      await a.send({
        deltas: [
          added(requests, ...many.map((one, index) => add(one, index))),
          added(wide, add(series(), 0.5, ...counts)),
        ],
      });
    }
    await assertValues(a, {
      requests: Object.fromEntries(many.map((_, index) => [`n=${index}`, [index * 2]])),
      wide: { '': [1, ...counts.map((count) => count * 2)] },
    });
  });

  test('a series is the same object in every snapshot', async () => {
    const a = await bed().instance();
    await a.send({ deltas: [added(requests, add(series({ code: '200' }), 3))] });
    const first = (await a.store.snapshot()).families[0]?.series[0]?.series;
    await a.send({ deltas: [added(requests, add(series({ code: '200' }), 3))] });
    assert.ok(first);
    assert.equal((await a.store.snapshot()).families[0]?.series[0]?.series, first);
  });

  test('a snapshot does not change when more is written', async () => {
    const a = await bed().instance();
    await a.send({ deltas: [added(requests, add(series(), 3))] });
    const { families } = await a.store.snapshot();
    await a.send({ deltas: [added(requests, add(series(), 3))] });
    assert.deepEqual(Array.from(families[0]?.series[0]?.values ?? []), [3]);
  });
}
