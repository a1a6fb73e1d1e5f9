import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { deadline, settledWithin } from '../../src/event-loop/deadline.js';
import { stayAlive } from '../helpers/stay-alive.js';

const never = new Promise<never>(() => undefined);

describe('a deadline', () => {
  test('passes on the outcome of work that is in time', async () => {
    assert.equal(await deadline(Promise.resolve(7), 10_000, assert.fail), 7);
    await assert.rejects(deadline(Promise.reject(new Error('away')), 10_000, assert.fail), /^Error: away$/);
  });

  test('rejects with the given error, and ignores what the work comes to later', async (t) => {
    stayAlive(t);
    const late = new Error('late');
    await assert.rejects(
      deadline(
        sleep(5).then(() => Promise.reject(new Error('nobody listens'))),
        1,
        () => late,
      ),
      late,
    );
    await sleep(20);
  });
});

describe('work that has to be over in time', () => {
  test('is waited for until it is settled, however', async () => {
    assert.equal(await settledWithin(Promise.resolve(), 10_000), true);
    assert.equal(await settledWithin(Promise.reject(new Error('away')), 10_000), true);
  });

  test('is waited for no longer than that', async () => {
    assert.equal(await settledWithin(never, 1), false);
  });
});
