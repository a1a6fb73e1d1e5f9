import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HttpMethods } from '../../../src/instrumentation/http/methods.js';

function nameOf(methods: HttpMethods, method: string | undefined): string | undefined {
  return methods.names[methods.positionOf(method)];
}

test('the methods of the semantic conventions, in any case; anything else is _OTHER', () => {
  const methods = new HttpMethods();
  assert.deepEqual(
    ['GET', 'get', undefined, 'QUERY', 'PROPFIND', ''].map((method) => nameOf(methods, method)),
    ['GET', 'GET', 'GET', 'QUERY', '_OTHER', '_OTHER'],
  );
});

test('a list of its own replaces them', () => {
  const methods = new HttpMethods(['PROPFIND', 'PURGE']);
  assert.deepEqual(
    ['PROPFIND', 'PURGE', 'GET', undefined].map((method) => nameOf(methods, method)),
    ['PROPFIND', 'PURGE', '_OTHER', '_OTHER'],
  );
});
