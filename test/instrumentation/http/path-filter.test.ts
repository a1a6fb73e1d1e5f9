import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createPathFilter } from '../../../src/instrumentation/http/path-filter.js';

test('plain paths match exactly, globs as globs', () => {
  const ignored = createPathFilter(['/healthz', '/internal/**', '/*.ico']);
  for (const path of ['/healthz', '/internal/a/.b', '/favicon.ico']) assert.equal(ignored(path), true, path);
  for (const path of ['/healthz/', '/health', '/x/favicon.ico', '/'])
    assert.equal(ignored(path), false, path);
});

test('nothing is ignored without globs', () => {
  assert.equal(createPathFilter([])('/'), false);
});
