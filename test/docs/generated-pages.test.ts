import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GENERATED_PAGES } from '../../scripts/generate-docs.js';
import { readPage } from './pages.js';

for (const [path, page] of Object.entries(GENERATED_PAGES)) {
  test(`${path} is what its source says`, () => {
    assert.equal(readPage(path).text, page(), 'run: npm run docs');
  });
}
