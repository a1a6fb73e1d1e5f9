import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { HostCollector } from '../../../src/instrumentation/host/host-collector.js';
import { createMemoryStore, MemoryBackend } from '../../../src/store/memory/memory-store.js';

const INTERVAL_MS = 5000;

test('at the default interval the host is collected again within 15 s of the end of the process that did, whenever that is', async (t) => {
  for (let endsMs = 0; endsMs <= 10_000; endsMs += 500) {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let nowMs = 0;
    const backend = new MemoryBackend(() => nowMs);
    const collecting = new Set<string>();
    const begin = (lease: string): HostCollector => {
      const store = createMemoryStore(
        {
          prefix: 'p',
          project: 'p',
          lease,
          leaseMs: 60_000,
          ttlMs: 60_000,
          maxSeries: 10,
          warn: () => undefined,
        },
        backend,
      );
      return new HostCollector({
        acquire: (ms) => store.acquireLock('host:web-1', ms),
        host: { start: () => void collecting.add(lease), stop: () => void collecting.delete(lease) },
        intervalMs: INTERVAL_MS,
        flush: () => Promise.resolve(),
      });
    };
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 100) {
        nowMs += 100;
        t.mock.timers.tick(100);
        await setImmediate();
      }
    };
    const first = begin('a');
    await pass(700);
    const second = begin('b');
    await pass(endsMs);
    assert.deepEqual([...collecting], ['a']);
    // As a process does that is killed: it stops asking, and gives nothing back.
    first.end();
    // What is left of the 15 s is for the flush and the scrape.
    await pass(12_500);
    assert.deepEqual([...collecting], ['b'], `ended after ${endsMs} ms`);
    second.end();
    t.mock.timers.reset();
  }
});
