import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WARNINGS } from '../../scripts/docs/warnings.js';
import { flattenedSource, printedMessages } from './source-messages.js';

const source = flattenedSource();
const documented = WARNINGS.map(({ message }) => message);

test('every documented warning is in the source', () => {
  assert.deepEqual(
    documented.filter((message) => !source.includes(message)),
    [],
  );
});

test('every warning of the source is documented', () => {
  const messages = printedMessages(source);
  assert.ok(messages.length >= 10, `only ${messages.length} were found: has their form changed?`);
  assert.deepEqual(
    messages.filter((message) => !documented.includes(message)),
    [],
  );
});
