import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Snapshot, SnapshotFamily } from '../../src/model/snapshot.js';
import {
  add,
  added,
  assertValues,
  type Bed,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  upDownCounter,
} from './bed.js';

const sent = {
  deltas: [
    added(counter('c', { help: 'a counter' }), add(series({ a: 'b' }), 2)),
    added(histogram('h', [1]), add(series(), 1, 1, 0)),
  ],
  current: [reported(gauge('g', 'instance'), now(series(), 7))],
};

const familyOf = ({ families }: Snapshot, name: string): SnapshotFamily | undefined =>
  families.find((one) => one.family.name === name);
const startOf = (snapshot: Snapshot): number => familyOf(snapshot, 'c')?.series[0]?.startMs ?? Number.NaN;
const described = (snapshot: Snapshot) =>
  ['c', 'h', 'g'].map((name) => {
    const one = familyOf(snapshot, name);
    return [one?.family, one?.series.map((point) => point.series)];
  });

/** Promises 3 and 8: what happens when data are gone. */
export function lossContract(bed: () => Bed): void {
  for (const how of ['wiped', 'lost'] as const) {
    test(`a ${how} store is empty, and whole again after the next batch of each instance`, async () => {
      const [a, b] = [await bed().instance(), await bed().instance()];
      for (let round = 0; round < 2; round += 1) {
        await a.send(sent);
        await b.send(sent);
      }
      const before = await a.store.snapshot();
      await bed().moment();
      await (how === 'wiped' ? b.store.wipe() : bed().data.lose());
      for (const one of [a, b]) assert.deepEqual((await one.store.snapshot()).families, []);
      await a.send(sent);
      await b.send(sent);
      const after = await b.store.snapshot();
      assert.deepEqual(described(after), described(before));
      assert.equal(after.instances, 2);
      assert.deepEqual(after.resource, before.resource);
      assert.ok(startOf(after) > startOf(before));
      const values = new Map(
        after.families.map((one) => [one.family.name, Array.from(one.series[0]?.values ?? [])]),
      );
      assert.deepEqual(values.get('c'), [4]);
      assert.deepEqual(values.get('h'), [2, 2, 0]);
    });
  }

  for (const how of ['wiped', 'lost'] as const) {
    test(`gauges of before do ${how === 'wiped' ? 'not ' : ''}come back to a ${how} store`, async () => {
      const [a, b] = [await bed().instance(), await bed().instance()];
      const silentMs = 60_000;
      const old = [
        ...(['max', 'keep'] as const).map((mode) =>
          reported(gauge(`recorded.${mode}`, mode), { ...now(series(), 7), silentMs }),
        ),
        reported(upDownCounter('stands'), { ...now(series(), 3), silentMs }),
        reported(gauge('observed', 'max'), now(series(), 5)),
      ];
      await a.send({ current: old });
      await (how === 'wiped' ? b.store.wipe() : bed().data.lose());
      await bed().moment();
      const stays = { stands: { '': [3] }, observed: { '': [5] } };
      const recorded = { 'recorded.max': { '': [7] }, 'recorded.keep': { '': [7] } };
      for (let flush = 0; flush < 2; flush += 1) {
        await a.send({ current: old });
        await assertValues(b, how === 'wiped' ? stays : { ...recorded, ...stays });
      }
      // Recorded again, with the same value.
      const again = (since: number) =>
        old.map((one) => ({ ...one, points: one.points.map((point) => ({ ...point, silentMs: since })) }));
      for (const since of [0, 1]) {
        await a.send({ current: again(since) });
        await assertValues(b, { ...stays, ...recorded });
      }
    });
  }

  test('losing the data again and again', async () => {
    const a = await bed().instance();
    for (let round = 0; round < 3; round += 1) {
      await a.send({ deltas: [added(counter('c'), add(series(), 1))] });
      await bed().data.lose();
      await a.send({ deltas: [added(counter('c'), add(series(), 1))] });
      await assertValues(a, { c: { '': [1] } });
    }
  });

  test('wiping and sweeping an empty project, and ending a lease after a wipe, are allowed', async () => {
    const a = await bed().instance();
    await a.store.wipe();
    await a.store.sweep();
    await a.send(sent);
    await a.store.wipe();
    await a.store.sweep();
    await a.store.endLease();
    assert.deepEqual((await a.store.snapshot()).families, []);
  });

  test('a closed store rejects every call, and closes twice', async () => {
    const { store } = await bed().instance();
    await store.close();
    await store.close();
    const closed = { name: 'OrchestratorError', code: 'ORCHESTRATOR_STORE_CLOSED' };
    await assert.rejects(
      store.apply({ sequence: 1, resource: [], collectedAt: 0, deltas: [], current: [] }),
      closed,
    );
    for (const call of ['snapshot', 'sweep', 'endLease', 'wipe'] as const)
      await assert.rejects(store[call](), closed);
  });

  test('data outlive the store that wrote them', async () => {
    const a = await bed().instance();
    await a.send({ deltas: [added(counter('c'), add(series(), 1))] });
    await a.store.close();
    await assertValues(await bed().instance(), { c: { '': [1] } });
  });
}
