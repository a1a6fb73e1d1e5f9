import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SettleQueue } from '../src/workers/settle-queue.js';

test('an item that comes in the very moment in which a group is done is settled too', async () => {
  for (let moments = 0; moments < 12; moments++) {
    const settled: number[] = [];
    const queue = new SettleQueue<number>(async (group) => {
      settled.push(...group);
    });
    queue.push(1);
    for (let moment = 0; moment < moments; moment++) await Promise.resolve();
    queue.push(2);
    await queue.drained();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(settled, [1, 2], `pushed after ${moments} moments`);
  }
});
