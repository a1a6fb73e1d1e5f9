import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  add,
  added,
  assertValues,
  type Bed,
  counter,
  gauge,
  histogram,
  type Instance,
  now,
  reported,
  series,
} from './bed.js';

/** What a family is, and what happens when it changes. */
export function familyContract(bed: () => Bed): void {
  test('are listed oldest first', async () => {
    const a = await bed().instance();
    for (const name of ['c', 'a', 'b']) {
      await a.send({ deltas: [added(counter(name), add(series(), 1))] });
      await bed().moment();
    }
    await a.send({ deltas: [added(counter('a'), add(series(), 1))] });
    const { families } = await a.store.snapshot();
    assert.deepEqual(
      families.map((one) => one.family.name),
      ['c', 'a', 'b'],
    );
  });

  test('changed buckets are merged on the boundaries that both versions have', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({ deltas: [added(histogram('h', [1, 2, 5]), add(series(), 10, 1, 2, 3, 4))] });
    await bed().moment();
    await b.send({ deltas: [added(histogram('h', [1, 3, 5]), add(series(), 20, 5, 6, 7, 8))] });
    await assertValues(a, { h: { '': [30, 6, 18, 12] } });
    const { families } = await a.store.snapshot();
    assert.deepEqual(families[0]?.family, histogram('h', [1, 5]));
  });

  test('a changed type or unit is kept apart, the older first', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({ deltas: [added(counter('m'), add(series(), 1))] });
    await bed().moment();
    await b.send({ deltas: [added(counter('m', { unit: 'By' }), add(series(), 2))] });
    await bed().moment();
    await b.send({ current: [reported(gauge('m', 'last'), now(series(), 3))] });
    const { families } = await a.store.snapshot();
    assert.deepEqual(
      families.map((one) => [one.family.type, one.family.unit, one.series[0]?.values[0]]),
      [
        ['counter', '', 1],
        ['counter', 'By', 2],
        ['gauge', '', 3],
      ],
    );
  });

  test('help and aggregation are those of the instance that came last', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    const sendOld = () =>
      a.send({
        deltas: [added(counter('c', { help: 'old' }), add(series(), 1))],
        current: [reported(gauge('g', 'max'), now(series(), 10))],
      });
    await sendOld();
    await b.send({
      deltas: [added(counter('c', { help: 'new' }), add(series(), 1))],
      current: [reported(gauge('g', 'min'), now(series(), 1))],
    });
    await sendOld();
    await assertValues(a, { c: { '': [3] }, g: { '': [1] } });
    assert.equal((await a.store.snapshot()).families[0]?.family.help, 'new');
  });

  for (const [before, after] of [
    ['instance', 'keep'],
    ['keep', 'instance'],
  ] as const) {
    test(`a gauge that changes from ${before} to ${after} answers for both, and what was kept stays`, async () => {
      const shown = async ({ store }: Instance) =>
        (await store.snapshot()).families
          .flatMap((one) =>
            one.series.map(({ series: { attributes }, values }) => [...attributes, values[0]]),
          )
          .toSorted((a, b) => Number(a.at(-1)) - Number(b.at(-1)));
      const [older, newer, reader] = [
        await bed().instance({ resource: [['service.instance.id', 'older']] }),
        await bed().instance({ resource: [['service.instance.id', 'newer']] }),
        await bed().instance(),
      ];
      const report = (instance: Instance, mode: typeof before, value: number) =>
        instance.send({ current: [reported(gauge('g', mode), now(series(), value))] });
      const own = [
        ['service.instance.id', before === 'instance' ? 'older' : 'newer'],
        before === 'instance' ? 1 : 2,
      ];
      const kept = [before === 'instance' ? 2 : 1];
      const both = before === 'instance' ? [own, kept] : [kept, own];
      await report(older, before, 1);
      await report(newer, after, 2);
      assert.deepEqual(await shown(reader), both);
      await report(older, before, 1);
      assert.deepEqual(await shown(reader), both);
      await (before === 'instance' ? older : newer).store.endLease();
      assert.deepEqual(await shown(reader), [kept]);
      await (before === 'instance' ? newer : older).store.endLease();
      assert.deepEqual(await shown(reader), [kept]);
    });
  }

  test('a counter that is reported as a current value stays a counter', async () => {
    const cpu = counter('system.cpu.time', { aggregation: 'last', unit: 's' });
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({ current: [reported(cpu, now(series(), 100, 1000))] });
    await b.send({ current: [reported(cpu, now(series(), 101))] });
    await assertValues(a, { 'system.cpu.time': { '': [101] } });
    assert.deepEqual((await a.store.snapshot()).families[0]?.family, cpu);
  });

  test('a family without points is no family', async () => {
    const a = await bed().instance();
    await a.send({ deltas: [added(counter('c'))], current: [reported(gauge('g', 'last'))] });
    assert.deepEqual((await a.store.snapshot()).families, []);
  });
}
