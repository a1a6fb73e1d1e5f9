import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Snapshot } from '../../src/model/snapshot.js';
import { Health } from '../../src/start/health.js';
import { eventually } from '../helpers/eventually.js';

const FLUSHED = { millisecondsSinceFlush: 12.4, pendingSeries: 3 };
const SNAPSHOT: Snapshot = { resource: [], instances: 2, families: [] };

function healthOf(snapshot: () => Promise<Snapshot>): Health {
  return new Health({ description: 'memory', snapshot }, FLUSHED);
}

describe('/health', () => {
  test('says how the store is', async () => {
    assert.deepEqual(await healthOf(async () => SNAPSHOT).answer(), {
      status: 'up',
      store: { description: 'memory', status: 'up', lagMs: 12, pendingSeries: 3 },
      instances: 2,
      checks: {},
    });
    const away = await healthOf(() => Promise.reject(new Error('away'))).answer();
    assert.deepEqual(away.store, {
      description: 'memory',
      status: 'down',
      error: 'away',
      lagMs: 12,
      pendingSeries: 3,
    });
    assert.equal(away.instances, undefined);
  });

  test('reads the store once for all who ask within a second, and again for those who ask later', async () => {
    let reads = 0;
    const health = healthOf(async () => {
      reads += 1;
      return SNAPSHOT;
    });
    await Promise.all(Array.from({ length: 60 }, () => health.answer()));
    await health.answer();
    assert.equal(reads, 1);
    await eventually(async () => {
      await health.answer();
      assert.equal(reads, 2);
    });
  });

  test('reads the store again after a failure', async () => {
    let reads = 0;
    const health = healthOf(async () => {
      reads += 1;
      if (reads === 1) throw new Error('away');
      return SNAPSHOT;
    });
    assert.equal((await health.answer()).store.status, 'down');
    assert.equal((await health.answer()).store.status, 'up');
  });
});
