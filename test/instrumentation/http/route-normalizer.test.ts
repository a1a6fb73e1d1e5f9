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
    '/items/1,2,3': '/items/{list}',
    '/trpc/user.byId,post.list': '/trpc/{list}',
    '/trpc/post.list%2Cuser.byId': '/trpc/{list}',
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

  const WORDS = Array.from({ length: 40 }, (_, n) =>
    String.fromCharCode(97 + (n % 26), 97 + Math.floor(n / 26)),
  );

  /** Distinct paths, each asked for once, as by a crawler of a server that answers everything with 200. */
  function crawl(normalizer: RouteNormalizer, paths: readonly string[]): Set<string | undefined> {
    return new Set(paths.map((path) => normalizer.route(path, true)));
  }
  const folders = WORDS.flatMap((a) => WORDS.map((b) => `/${a}/${b}`));
  const pages = WORDS.flatMap((a) => WORDS.map((b) => `/${a}-${b}`));

  test('a crawler through folders leaves the places of pages, and the other way round', () => {
    const normalizer = new RouteNormalizer();
    assert.ok(crawl(normalizer, folders).size <= 51);
    assert.equal(normalizer.route('/checkout', true), '/checkout');
    const other = new RouteNormalizer();
    assert.ok(crawl(other, pages).size <= 51);
    assert.equal(other.route('/users/1/orders/2', true), '/users/{id}/orders/{id}');
  });

  test('whatever a crawler has taken, a route that is used gets its place, and keeps it', () => {
    const normalizer = new RouteNormalizer();
    const seen = crawl(normalizer, [...folders, ...pages]);
    assert.ok(seen.size <= 101);
    assert.ok(seen.has(OTHER_ROUTE));
    const uses = Array.from({ length: 10 }, () => normalizer.route('/checkout', true));
    assert.equal(uses.at(0), OTHER_ROUTE);
    assert.equal(uses.at(-1), '/checkout');
    crawl(normalizer, [...folders, ...pages]);
    assert.equal(normalizer.route('/checkout', false), '/checkout');
  });

  test('a crawler that comes again and again does not take the last places', () => {
    const normalizer = new RouteNormalizer();
    for (let visit = 0; visit < 20; visit++) crawl(normalizer, folders);
    const uses = Array.from({ length: 200 }, () => normalizer.route('/shop/checkout', true));
    assert.equal(uses.at(-1), '/shop/checkout');
  });

  test('an application with many routes has all of them', () => {
    const normalizer = new RouteNormalizer();
    const routes = folders.slice(0, 150);
    for (let visit = 0; visit < 10; visit++) crawl(normalizer, routes);
    assert.deepEqual(crawl(normalizer, routes), new Set(routes));
  });
});
