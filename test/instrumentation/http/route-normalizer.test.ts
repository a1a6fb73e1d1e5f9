import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assert as check, property, webPath } from 'fast-check';

import {
  normalizePath,
  OTHER_ROUTE,
  RouteNormalizer,
} from '../../../src/instrumentation/http/route-normalizer.js';

describe('normalized paths', () => {
  const examples: Record<string, string> = {
    '/': '/',
    '/users': '/users',
    '/users/': '/users/',
    '/users/17': '/users/{id}',
    '/users/17/orders/42': '/users/{id}/orders/{id}',
    '/v1/oauth2/token': '/v1/oauth2/token',
    '/items/3f2504e0-4f89-11d3-9a0c-0305e82c3301': '/items/{uuid}',
    '/items/3F2504E0-4F89-11D3-9A0C-0305E82C3301': '/items/{uuid}',
    '/objects/507f1f77bcf86cd799439011': '/objects/{token}',
    '/reports/2024-06-01': '/reports/{token}',
    '/users/ann@example.com': '/users/{token}',
    '/search/caf%C3%A9': '/search/{token}',
    '/a/b/c/d/e/f/g/h/i/j': '/a/b/c/d/e/f/g/h/{rest}',
    [`/${'x'.repeat(33)}`]: '/{token}',
  };
  for (const [path, route] of Object.entries(examples)) {
    test(path, () => assert.equal(normalizePath(path), route));
  }

  test('a route is its own normal form', () => {
    check(
      property(webPath(), (path) => {
        const route = normalizePath(path === '' ? '/' : path);
        assert.equal(normalizePath(route), route);
      }),
    );
  });
});

describe('routes of a server without a framework', () => {
  test('only what succeeded becomes a route; what failed on a known one keeps it', () => {
    const normalizer = new RouteNormalizer();
    assert.equal(normalizer.route('/users/1', false), undefined);
    assert.equal(normalizer.route('/users/1', true), '/users/{id}');
    assert.equal(normalizer.route('/users/2', false), '/users/{id}');
  });

  test('what exceeds the limit is {other}', () => {
    const normalizer = new RouteNormalizer({ maxRoutes: 2 });
    assert.equal(normalizer.route('/a', true), '/a');
    assert.equal(normalizer.route('/b', true), '/b');
    assert.equal(normalizer.route('/c', true), OTHER_ROUTE);
    assert.equal(normalizer.route('/a', true), '/a');
  });
});
