import assert from 'node:assert/strict';
import { test } from 'node:test';

import { add, added, assertValues, type Bed, counter, gauge, now, reported, series } from './bed.js';

const requests = counter('requests');

const refused = (error: unknown): boolean => {
  assert.ok(error instanceof Error && 'code' in error);
  assert.equal(error.code, 'ORCHESTRATOR_PREFIX_TAKEN');
  assert.match(error.message, /My Shop.*my\/shop/);
  return true;
};

/** Promise 7: projects that share a store. */
export function projectContract(bed: () => Bed): void {
  test('two prefixes do not see each other, and one survives the wipe of the other', async () => {
    const a = await bed().instance({ prefix: 'one', project: 'one' });
    const b = await bed().instance({ prefix: 'one_more', project: 'one_more' });
    const current = [reported(gauge('g', 'sum'), now(series(), 1))];
    await a.send({ deltas: [added(requests, add(series(), 1))], current });
    await b.send({ deltas: [added(requests, add(series(), 2))], current });
    await assertValues(a, { requests: { '': [1] }, g: { '': [1] } });
    await assertValues(b, { requests: { '': [2] }, g: { '': [1] } });
    assert.equal((await a.store.snapshot()).instances, 1);
    await a.store.wipe();
    await assertValues(a, {});
    await assertValues(b, { requests: { '': [2] }, g: { '': [1] } });
  });

  test('a second project name on one prefix is refused by every call, with both names', async () => {
    const a = await bed().instance({ prefix: 'my_shop', project: 'My Shop' });
    const b = await bed().instance({ prefix: 'my_shop', project: 'my/shop' });
    const deltas = [added(requests, add(series(), 1))];
    await a.send({ deltas });
    await assert.rejects(b.send({ deltas }), refused);
    for (const call of ['snapshot', 'sweep', 'endLease', 'wipe'] as const) {
      await assert.rejects(b.store[call](), refused);
    }
    await assertValues(a, { requests: { '': [1] } });
    await a.store.wipe();
    await b.send({ deltas });
    await assertValues(b, { requests: { '': [1] } });
    await assert.rejects(a.send({ deltas }), { code: 'ORCHESTRATOR_PREFIX_TAKEN' });
  });

  test('the description names the kind of store', async () => {
    const { store } = await bed().instance();
    assert.match(store.description, /^[a-z]+( .+)?$/);
  });
}
