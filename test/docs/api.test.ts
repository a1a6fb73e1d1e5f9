import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiDocumentedItem, ApiItemKind, type ApiItem } from '@microsoft/api-extractor-model';

import { apiSurface } from '../../scripts/docs/api-model.js';
import { lineOf } from '../../scripts/docs/doc-comment.js';

const { items, faults } = apiSurface();

test('every comment of the API can be read by TSDoc, and its links lead to exports', () => {
  assert.deepEqual(faults, []);
});

test('every export has a comment', () => {
  assert.ok(items.length > 40, `${items.length} exports`);
  const undocumented = items.filter((item) => !isDocumented(item) && !isOverload(item));
  assert.deepEqual(
    undocumented.map(({ displayName }) => displayName),
    [],
  );
});

test('every function and class has an example', () => {
  const without = items.filter(
    (item) =>
      [ApiItemKind.Function, ApiItemKind.Class].includes(item.kind) && !isOverload(item) && !hasExample(item),
  );
  assert.deepEqual(
    without.map(({ displayName }) => displayName),
    [],
  );
});

function isDocumented(item: ApiItem): boolean {
  return item instanceof ApiDocumentedItem && lineOf(item.tsdocComment?.summarySection) !== '';
}

/** A second form of a function; the first one has the documentation. */
function isOverload(item: ApiItem): boolean {
  return items.find(({ displayName }) => displayName === item.displayName) !== item;
}

function hasExample(item: ApiItem): boolean {
  const blocks = item instanceof ApiDocumentedItem ? (item.tsdocComment?.customBlocks ?? []) : [];
  return blocks.some(({ blockTag }) => blockTag.tagName === '@example');
}
