import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deadline } from '../../src/event-loop/deadline.js';

const never = (): Promise<never> => new Promise(() => undefined);

test('work that takes too long fails: as an unavailable store, or with the error that the caller makes', async (t) => {
  // The deadline's own timer does not keep the process alive.
  const timer = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(timer));
  await assert.rejects(
    deadline(never(), 1, () => 'too late'),
    { code: 'ORCHESTRATOR_STORE_UNAVAILABLE', message: 'too late' },
  );
  const own = new RangeError('too late');
  await assert.rejects(
    deadline(never(), 1, () => own),
    (error) => error === own,
  );
});

test('work that ends in time is what it is, and a failure after the deadline is not unhandled', async () => {
  assert.equal(await deadline(Promise.resolve(1), 60_000, () => ''), 1);
  await assert.rejects(
    deadline(Promise.reject(new Error('own')), 60_000, () => ''),
    { message: 'own' },
  );
  let fail = (_error: Error): void => undefined;
  const late = new Promise<void>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setInterval(() => undefined, 1000);
  await assert.rejects(
    deadline(late, 1, () => ''),
    { code: 'ORCHESTRATOR_STORE_UNAVAILABLE' },
  );
  fail(new Error('unhandled'));
  await new Promise((resolve) => setImmediate(resolve));
  clearInterval(timer);
});
