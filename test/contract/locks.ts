import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Bed, SHORT_MS } from './bed.js';

/** A turn is one instance's at a time, and comes free when it ends or its holder leaves. */
export function holdContract(bed: () => Bed): void {
  test('of one name one instance holds, as long as it asks', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    assert.equal(await a.store.acquireLock('host:one', 60_000), true);
    assert.equal(await b.store.acquireLock('host:one', 60_000), false);
    assert.equal(await a.store.acquireLock('host:one', 60_000), true);
    assert.equal(await b.store.acquireLock('host:two', 60_000), true, 'another name is free');
  });

  test('of several who ask at the same time one gets it', async () => {
    const instances = await Promise.all(Array.from({ length: 5 }, () => bed().instance()));
    const answers = await Promise.all(instances.map(({ store }) => store.acquireLock('host', 60_000)));
    assert.equal(answers.filter(Boolean).length, 1);
  });

  test('a turn that is not renewed ends', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    assert.equal(await a.store.acquireLock('host', SHORT_MS), true);
    await bed().after(SHORT_MS * 2, async () => {
      assert.equal(await b.store.acquireLock('host', 60_000), true);
    });
    assert.equal(await a.store.acquireLock('host', 60_000), false);
  });

  test('who leaves gives up its turns', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({});
    assert.equal(await a.store.acquireLock('host', 600_000), true);
    await a.store.endLease();
    await bed().after(50, async () => {
      assert.equal(await b.store.acquireLock('host', 600_000), true);
    });
  });
}
