import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Bed, SHORT_MS } from './bed.js';

/** One instance has a lock at a time. A lock is free again when its time is over, or its holder's lease is ended. */
export function lockContract(bed: () => Bed): void {
  test('of one name belong to one instance for as long as it renews them', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    assert.equal(await a.store.acquireLock('host:one', 60_000), true);
    assert.equal(await b.store.acquireLock('host:one', 60_000), false);
    assert.equal(await a.store.acquireLock('host:one', 60_000), true);
    assert.equal(await b.store.acquireLock('host:two', 60_000), true, 'another name is free');
  });

  test('go to one of several instances that ask at the same time', async () => {
    const instances = await Promise.all(Array.from({ length: 5 }, () => bed().instance()));
    const answers = await Promise.all(instances.map(({ store }) => store.acquireLock('host', 60_000)));
    assert.equal(answers.filter(Boolean).length, 1);
  });

  test('end when they are not renewed', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    assert.equal(await a.store.acquireLock('host', SHORT_MS), true);
    await bed().after(SHORT_MS * 2, async () => {
      assert.equal(await b.store.acquireLock('host', 60_000), true);
    });
    assert.equal(await a.store.acquireLock('host', 60_000), false);
  });

  test('are not ended with the lease of another instance', async () => {
    const [a, b] = [await bed().instance(), await bed().instance({ lease: 'of-b' })];
    await Promise.all([a.send({}), b.send({})]);
    assert.equal(await a.store.acquireLock('host', 600_000), true);
    await a.store.endLease('of-b');
    assert.equal(await a.store.acquireLock('host', 600_000), true);
    assert.equal(await b.store.acquireLock('host', 600_000), false);
  });

  test('are free when the lease of their holder is ended', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send({});
    assert.equal(await a.store.acquireLock('host', 600_000), true);
    await a.store.endLease();
    await bed().after(50, async () => {
      assert.equal(await b.store.acquireLock('host', 600_000), true);
    });
  });
}
