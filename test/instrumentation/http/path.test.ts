import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pathOf } from '../../../src/instrumentation/http/path.js';

test('the path of any request target', () => {
  assert.equal(pathOf('/a/b?c=/d#e'), '/a/b');
  assert.equal(pathOf('/a#b?c'), '/a');
  assert.equal(pathOf('http://example.com/a?b'), '/a');
  assert.equal(pathOf('*'), undefined);
  assert.equal(pathOf('example.com:443'), undefined);
});
