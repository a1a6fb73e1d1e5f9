import assert from 'node:assert/strict';
import { test } from 'node:test';

import { guarded, NOT_MEASURED } from '../../src/instrumentation/guarded-listener.js';
import { diagnostics } from '../helpers/warnings.js';

test('what a listener throws does not reach the publisher, and is told to the diagnostics', (t) => {
  const told = diagnostics(t);
  const heard: unknown[] = [];
  const failure = new Error('of ours');
  const listener = guarded(NOT_MEASURED, (message) => {
    heard.push(message);
    throw failure;
  });
  listener('one');
  listener('two');
  assert.deepEqual(heard, ['one', 'two']);
  assert.deepEqual(told[0], [`orchestrator: ${NOT_MEASURED}`, 'ORCHESTRATOR_NOT_MEASURED', failure]);
});
