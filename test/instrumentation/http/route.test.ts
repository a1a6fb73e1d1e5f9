import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { routeOf, setRoute, setRouteSource } from '../../../src/instrumentation/http/route.js';
import { RouteNormalizer } from '../../../src/instrumentation/http/route-normalizer.js';
import { rawRequest, WRAPPERS } from './wrapped-requests.js';

describe('setRoute', () => {
  for (const [name, wrap] of Object.entries(WRAPPERS)) {
    test(name, () => {
      const request = rawRequest();
      setRoute(wrap(request), '/users/{id}');
      assert.equal(routeOf(request, request.url, true, undefined), '/users/{id}');
    });
  }

  test('wins over the framework, and the framework over the path', () => {
    const request = rawRequest();
    const normalizer = new RouteNormalizer();
    assert.equal(routeOf(request, request.url, true, normalizer), '/users/{id}');
    setRouteSource(request, undefined, () => undefined);
    assert.equal(routeOf(request, request.url, true, normalizer), undefined);
    setRouteSource(request, '/users/:id', (route) => route);
    assert.equal(routeOf(request, request.url, true, normalizer), '/users/:id');
    setRoute(request, 'mine');
    assert.equal(routeOf(request, request.url, true, normalizer), 'mine');
  });
});
