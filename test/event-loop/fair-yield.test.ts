import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FairYield, yieldEvery, yieldToEventLoop } from '../../src/event-loop/fair-yield.js';

/** Writes a mark into `log` in each of the next iterations of the event loop. */
function markIterations(log: string[], count: number): void {
  if (count === 0) return;
  setImmediate(() => {
    log.push('-');
    markIterations(log, count - 1);
  });
}

test('one waiter is resumed in each iteration of the event loop, in order', async () => {
  const fair = new FairYield();
  const resumed: string[] = [];
  const all = ['a', 'b', 'c'].map(async (name) => {
    await fair.next();
    resumed.push(name);
  });
  markIterations(resumed, 3);
  await Promise.all(all);
  assert.deepEqual(resumed.slice(0, 5), ['a', '-', 'b', '-', 'c']);
});

test('a later waiter is resumed too', async () => {
  const fair = new FairYield();
  await fair.next();
  await Promise.all([fair.next(), fair.next()]);
  await fair.next();
});

test('computations that know nothing of each other take turns', async () => {
  const slices: string[] = [];
  const compute = async (name: string): Promise<void> => {
    for (let slice = 0; slice < 3; slice += 1) {
      slices.push(name);
      await yieldToEventLoop();
    }
  };
  const all = Promise.all([compute('a'), compute('b')]);
  markIterations(slices, 4);
  await all;
  assert.deepEqual(slices, ['a', 'b', 'a', '-', 'b', '-', 'a', '-', 'b', '-']);
});

test('a computation yields after as many steps as it says, over all its loops and by their weight', async () => {
  const step = yieldEvery(3);
  const pauses: number[] = [];
  for (let done = 1; done <= 7; done += 1) {
    const turn = step();
    if (turn === undefined) continue;
    pauses.push(done);
    await turn;
  }
  assert.deepEqual(pauses, [3, 6]);
  const turn = step(2);
  assert.ok(turn !== undefined);
  await turn;
});
