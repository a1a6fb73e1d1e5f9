import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import type { StoreReader } from '../../../src/store/store-reader.js';
import { STORE_READERS } from '../../../src/store/store-readers.js';
import { createLocalStore } from '../../../src/store/local/local-store.js';
import { FilledStore, newFilledStore, traffic } from '../../cli/filled-store.js';
import { add, added, counter, Instance, series, valuesOf } from '../../contract/bed.js';
import { SHARED_STORES } from '../../end-to-end/stores.js';
import { eventually } from '../../helpers/eventually.js';
import { onEnd, type Owner } from '../../helpers/owner.js';
import { scratchDir } from '../../helpers/scratch.js';
import { Warnings } from '../../helpers/warnings.js';

function readerOf(
  owner: Owner,
  { redis, directory }: FilledStore,
  told: Warnings = new Warnings(),
): StoreReader {
  const context = { ttlMs: 3_600_000, warn: told.warn };
  const options = {
    directory,
    redis: () => ({ mode: 'standalone' as const, nodes: [{ host: '127.0.0.1', port: redis?.port ?? 0 }] }),
    timeoutMs: 5000,
  };
  const reader = STORE_READERS[redis === undefined ? 'local' : 'redis'](context, options);
  onEnd(owner, () => reader.close());
  return reader;
}

for (const kind of SHARED_STORES) {
  describe(`reading the ${kind} store from outside`, () => {
    test('shows what its instances see, as it changes', async (t) => {
      const store = await newFilledStore(t, kind);
      const instance = store.instance('My Shop');
      const reader = readerOf(t, store);
      assert.equal(await reader.find('my_shop'), undefined);
      await instance.send(traffic(2));
      const name = { prefix: 'my_shop', project: 'My Shop' };
      assert.deepEqual(await reader.find('my_shop'), name);
      await eventually(async () => assert.deepEqual(await reader.projects(), [name]));
      const project = reader.open(name);
      for (let round = 0; round < 3; round += 1) {
        assert.deepEqual(valuesOf(await project.snapshot()), valuesOf(await instance.store.snapshot()));
        await instance.send(traffic(1, ['/orders', `/round-${round}`]));
      }
      const [one] = await project.instances();
      assert.equal(one?.values, 1);
      assert.equal((await project.families()).length, 3);
      await instance.store.endLease();
      assert.deepEqual(await project.instances(), []);
      await instance.store.wipe();
      assert.equal(await project.summary(), undefined);
      assert.deepEqual(await reader.projects(), []);
    });

    test('a job that ran once is listed, and its list outlives that of a project with a shorter TTL', async (t) => {
      const store = await newFilledStore(t, kind);
      const job = store.instance('job');
      await job.send(traffic(1));
      await job.store.endLease();
      const short = store.instance('short', { ttlMs: 1000, leaseMs: 1000 });
      await short.send(traffic(1));
      await short.store.sweep();
      const names = async (): Promise<string[]> =>
        (await readerOf(t, store).projects()).map(({ prefix }) => prefix);
      assert.ok((await names()).includes('job'));
      if (store.redis === undefined) return;
      assert.ok((await store.redis.client().pttl('orchestrator:projects')) > 3_000_000);
    });
  });
}

describe('reading the local store', () => {
  test('follows it through its generations of files', async (t) => {
    const directory = scratchDir(t, 'generations');
    const context = {
      prefix: 'shop',
      project: 'shop',
      lease: 'a',
      leaseMs: 600_000,
      ttlMs: 3_600_000,
      maxSeries: 100,
      warn: () => undefined,
    };
    // Each batch ends a log.
    const writer = createLocalStore(context, { directory, logBytes: 1 });
    onEnd(t, () => writer.close());
    const instance = new Instance(writer, []);
    const requests = counter('requests');
    const once = { deltas: [added(requests, add(series(), 1))] };
    await instance.send(once);
    const reader = readerOf(t, new FilledStore(t, { directory }));
    const project = reader.open({ prefix: 'shop', project: 'shop' });
    for (let sent = 1; sent < 30; sent += 1) {
      // Between two reads there are none, one or several new generations.
      if (sent % 4 !== 0) assert.deepEqual(valuesOf(await project.snapshot()), { requests: { '': [sent] } });
      await instance.send(once);
    }
    assert.deepEqual(valuesOf(await project.snapshot()), { requests: { '': [30] } });
  });

  test('a folder that is a link, or that everyone may write to, costs itself and is said once', async (t) => {
    const directory = scratchDir(t, 'foreign');
    const store = new FilledStore(t, { directory });
    await store.instance('shop').send(traffic(1));
    mkdirSync(join(directory, 'open'), { mode: 0o777 });
    mkdirSync(join(directory, 'empty'), { mode: 0o700 });
    symlinkSync(join(directory, 'shop'), join(directory, 'link'));
    const { chmodSync } = await import('node:fs');
    chmodSync(join(directory, 'open'), 0o777);
    const told = new Warnings();
    const reader = readerOf(t, store, told);
    for (let round = 0; round < 2; round += 1)
      assert.deepEqual(
        (await reader.projects()).map(({ prefix }) => prefix),
        ['shop'],
      );
    assert.equal(told.messages.length, 1);
    assert.match(told.messages[0] ?? '', /all users may write to it/);
    await assert.rejects(reader.find('link'), /it is a link/);
  });
});
