import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { HostCollector } from '../../../src/instrumentation/host/host-collector.js';
import { createMemoryStore, MemoryBackend } from '../../../src/store/memory/memory-store.js';

/** Processes of one host, on a clock of their own. */
function host(t: TestContext, intervalMs: number) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const backend = new MemoryBackend(() => nowMs);
  const collecting = new Set<string>();
  return {
    collecting,
    begin: (lease: string): HostCollector => {
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
        intervalMs,
        flush: () => Promise.resolve(),
      });
    },
    pass: async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 100) {
        nowMs += 100;
        t.mock.timers.tick(100);
        await setImmediate();
      }
    },
  };
}

test('at the default interval the host is collected again within 15 s of the end of the process that did, whenever that is', async (t) => {
  for (let endsMs = 0; endsMs <= 10_000; endsMs += 500) {
    const { begin, pass, collecting } = host(t, 5000);
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

test('a process that a busy host holds up for seconds keeps the lock, however short the interval', async (t) => {
  const { begin, pass, collecting } = host(t, 1000);
  const first = begin('a');
  await pass(2000);
  begin('b');
  // It asks no more, as if its event loop were held up.
  first.end();
  await pass(7000);
  assert.deepEqual([...collecting], [], 'nobody took over');
  await pass(5500);
  assert.deepEqual([...collecting], ['b']);
});

test('a store that hangs is asked one question at a time', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let questions = 0;
  const collector = new HostCollector({
    acquire: () => {
      questions++;
      return new Promise(() => undefined);
    },
    host: { start: () => undefined, stop: () => undefined },
    intervalMs: 1000,
    flush: () => Promise.resolve(),
  });
  t.mock.timers.tick(600_000);
  assert.equal(questions, 1);
  collector.end();
});
