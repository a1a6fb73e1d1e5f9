import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Turnstile } from '../../src/event-loop/fair-yield.js';

test('one passes in each turn of the event loop, in order', async () => {
  const turnstile = new Turnstile();
  const passed: string[] = [];
  const all = ['a', 'b', 'c'].map(async (name) => {
    await turnstile.pass();
    passed.push(name);
  });
  let turns = 0;
  const count = (): void => {
    turns += 1;
    passed.push('-');
    if (turns < 3) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(all);
  assert.deepEqual(passed.slice(0, 5), ['a', '-', 'b', '-', 'c']);
});

test('who comes later passes too', async () => {
  const turnstile = new Turnstile();
  await turnstile.pass();
  await Promise.all([turnstile.pass(), turnstile.pass()]);
  await turnstile.pass();
});
