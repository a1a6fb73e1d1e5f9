import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gaugeAggregation } from '../../src/reader/gauge-aggregation.js';
import { projectOn, type Process } from './each-store.js';

const SHARED = { gaugeAggregation: gaugeAggregation([{ pattern: 'db.*', aggregation: 'shared' }]) };

/** What every process sees alike: the rows of a table. */
interface Table {
  inserted: number;
  rows: number;
}

function observe({ meter }: Process, table: Table): void {
  meter.createObservableCounter('db.inserted').addCallback((result) => result.observe(table.inserted));
  meter.createObservableUpDownCounter('db.rows').addCallback((result) => result.observe(table.rows));
  meter.createObservableGauge('db.size').addCallback((result) => result.observe(2 * table.rows));
  meter.createCounter('db.queries').add(1);
}

for (const kind of ['redis', 'local'] as const) {
  test(`a total that all processes observe is shown once, and does not go down when one of them ends: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const table: Table = { inserted: 1000, rows: 10 };
    const start = (): Process => {
      const process = open(SHARED);
      observe(process, table);
      return process;
    };
    const [a, b] = [start(), start()];
    await a.reader.forceFlush();
    // Counters that are recorded by calls are each process's own.
    assert.deepEqual(await b.values(), {
      'db.inserted': { '': [1000] },
      'db.rows': { '': [10] },
      'db.size': { '': [20] },
      'db.queries': { '': [2] },
    });
    table.inserted = 1003;
    table.rows = 7;
    await b.reader.forceFlush();
    await b.provider.shutdown();
    table.inserted = 1005;
    const c = start();
    assert.deepEqual((await c.values())['db.inserted'], { '': [1005] });
    assert.deepEqual((await a.values())['db.inserted'], { '': [1005] });
    assert.deepEqual((await a.values())['db.rows'], { '': [7] });
    for (const process of [a, c]) await process.provider.shutdown();
    // It was counted, though nobody looks any more.
    const later = open(SHARED);
    assert.deepEqual(await later.values(), { 'db.inserted': { '': [1005] }, 'db.queries': { '': [3] } });
  });

  test(`a counter that was summed before it was declared shared is right from then on: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const table: Table = { inserted: 1000, rows: 10 };
    const before = [open(), open(), open()];
    for (const process of before) {
      observe(process, table);
      await process.reader.forceFlush();
    }
    assert.deepEqual((await open().values())['db.inserted'], { '': [3000] });
    for (const process of before) await process.provider.shutdown();
    const after = open(SHARED);
    observe(after, table);
    assert.deepEqual((await after.values())['db.inserted'], { '': [1000] });
  });
}

test('only what says so is shared', () => {
  const modeOf = gaugeAggregation([
    { pattern: 'db.rows', aggregation: 'shared' },
    { pattern: 'db.*', aggregation: 'max' },
  ]);
  assert.deepEqual(
    ['db.rows', 'db.size', 'orders'].map((name) => modeOf(name, 'shop')),
    ['shared', 'max', 'instance'],
  );
});
