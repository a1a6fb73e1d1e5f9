import assert from 'node:assert/strict';
import { test } from 'node:test';

import { packExponential } from '../../src/model/exponential-histogram.js';
import { type Family, familyKey } from '../../src/model/family.js';
import { makeSeries, type Series } from '../../src/model/series.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { rebucket, sharedBoundaries } from '../../src/model/boundaries.js';
import type { ShownAs } from '../../src/model/shown-as.js';
import { add, added, type Bed, counter, histogram, type Instance, series, SHORT_MS, textOf } from './bed.js';

/** An exposition that shows neither units nor scopes. */
const shownAs: ShownAs = {
  metric: ({ name, type }) => `${name} ${type.replace('exponential', '')}`,
  labels: textOf,
};
const TTL_MS = SHORT_MS * 8;

const inScope = (version: string): Series => makeSeries({ name: 'lib', version }, [['a', 'b']]);
const exponential = (name: string): Family => {
  const identity = { name, type: 'exponentialhistogram', unit: 's' } as const;
  return { ...identity, help: '', key: familyKey(identity) };
};
/** Four observations between 1 and 8. */
const SPREAD = packExponential({
  scale: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  sum: 16,
  positive: { offset: 0, counts: [1, 1, 2] },
  negative: { offset: 0, counts: [] },
});

interface Addition {
  readonly family: Family;
  readonly series: Series;
  readonly values: readonly number[];
}

/** The numbers of a scrape that may never fall: the value of a counter, the sum and the count of a histogram. */
function shown({ families }: Snapshot): number[] {
  const explicit = families.filter(({ family }) => family.type === 'histogram');
  const shared = sharedBoundaries(explicit.map(({ family }) => family.boundaries ?? []));
  let total: number[] = [];
  for (const { family, series: all } of families) {
    for (const { values } of all) {
      const numbers =
        family.type === 'exponentialhistogram'
          ? [
              values[3] ?? 0,
              Array.from(values)
                .slice(7)
                .reduce((sum, count) => sum + count, values[2] ?? 0),
            ]
          : family.type === 'histogram'
            ? countOf(Array.from(rebucket(values, family.boundaries ?? [], shared)))
            : Array.from(values);
      total = numbers.map((number, index) => number + (total[index] ?? 0));
    }
  }
  return total;
}

const countOf = ([sum = 0, ...counts]: readonly number[]): number[] => [
  sum,
  counts.reduce((count, one) => count + one, 0),
];

/** Promise 4: what is shown as one expires as one. */
export function mergedContract(bed: () => Bed): void {
  const cases: ReadonlyArray<
    readonly [what: string, older: Addition, newer: Addition, folded: readonly number[]]
  > = [
    [
      'counters whose units are not shown',
      { family: counter('orders'), series: series(), values: [100] },
      { family: counter('orders', { unit: '{order}' }), series: series(), values: [1] },
      [100],
    ],
    [
      'counters in two versions of a scope',
      { family: counter('calls'), series: inScope('1.0'), values: [100] },
      { family: counter('calls'), series: inScope('1.1'), values: [1] },
      [100],
    ],
    [
      'histograms with other buckets',
      { family: histogram('h', [1, 2, 5]), series: series(), values: [100, 1, 2, 3, 4] },
      { family: histogram('h', [1, 5, 10]), series: series(), values: [1, 1, 0, 0, 0] },
      [100, 1, 5, 0, 4],
    ],
    [
      'an exponential histogram and then one with buckets',
      { family: exponential('h'), series: series(), values: SPREAD },
      { family: histogram('h', [2, 4]), series: series(), values: [1, 1, 0, 0] },
      [16, 1, 1, 2],
    ],
    [
      'a histogram with buckets and then an exponential one',
      { family: histogram('h', [2, 4]), series: series(), values: [16, 1, 1, 2] },
      { family: exponential('h'), series: series(), values: SPREAD },
      SPREAD,
    ],
  ];
  for (const [what, older, newer, folded] of cases) {
    test(`${what}: the sum never falls, and the newer one is left with it`, async () => {
      const options = { ttlMs: TTL_MS, shownAs };
      const [a, b] = [await bed().instance(options), await bed().instance(options)];
      const send = (instance: Instance, { family, series: to, values }: Addition) =>
        instance.send({ deltas: [added(family, add(to, ...values))] });
      await send(a, older);
      let before = shown(await b.store.snapshot());
      let times = 0;
      for (let half = 0; half < 2; half += 1) {
        await bed().after(TTL_MS / 2, async () => {
          await send(b, newer);
          times += 1;
          for (let swept = 0; swept < 2; swept += 1) {
            const after = shown(await b.store.snapshot());
            for (const [index, number] of before.entries())
              assert.ok((after[index] ?? 0) >= number, `${after.join()} after ${before.join()}`);
            before = after;
            await b.store.sweep();
          }
          const left = (await b.store.snapshot()).families.flatMap((one) => one.series);
          const values = left.map((one) => Array.from(one.values)).filter((numbers) => numbers.some(Boolean));
          if (half === 0) return;
          assert.equal(values.length, 1);
          if (newer.family.type === 'exponentialhistogram')
            assert.equal(shown(await b.store.snapshot())[1], 4 + 4 * times);
          else
            assert.deepEqual(
              values[0],
              folded.map((number, index) => number + times * (newer.values[index] ?? 0)),
            );
        });
      }
    });
  }

  test('leave together when none of them is written', async () => {
    const options = { ttlMs: SHORT_MS, shownAs };
    const [a, b] = [await bed().instance(options), await bed().instance(options)];
    await a.send({ deltas: [added(counter('orders'), add(series(), 5))] });
    await bed().moment();
    await b.send({ deltas: [added(counter('orders', { unit: '{order}' }), add(series(), 5))] });
    await bed().after(SHORT_MS * 4, async () => {
      await b.store.sweep();
      assert.deepEqual((await b.store.snapshot()).families, []);
    });
  });

  test('leave one by one when they are not shown as one', async () => {
    const [a, b] = [await bed().instance({ ttlMs: TTL_MS }), await bed().instance({ ttlMs: TTL_MS })];
    await a.send({ deltas: [added(counter('calls'), add(inScope('1.0'), 5))] });
    for (let half = 0; half < 2; half += 1) {
      await bed().after(TTL_MS / 2, async () => {
        await b.send({ deltas: [added(counter('calls'), add(inScope('1.1'), 0))] });
        await b.store.sweep();
        if (half === 0) return;
        const shownSeries = (await b.store.snapshot()).families.flatMap((one) => one.series);
        assert.deepEqual(
          shownSeries.map((one) => [one.series.scope.version, one.values[0]]),
          [['1.1', 0]],
        );
      });
    }
  });
}
