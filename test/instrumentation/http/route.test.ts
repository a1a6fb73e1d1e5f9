import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { routeOf, setRoute, setRouteSource } from '../../../src/instrumentation/http/route.js';
import { RouteNormalizer } from '../../../src/instrumentation/http/route-normalizer.js';

const raw = (): { method: string; headers: object; url: string } => ({
  method: 'GET',
  headers: {},
  url: '/users/17',
});

/** What each framework hands to a handler, around Node's request. */
const WRAPPERS: Record<string, (request: object) => object> = {
  'node:http, Express, NestJS on Express': (request) => request,
  'Fastify, NestJS on Fastify': (request) => ({ raw: request, headers: {}, method: 'GET' }),
  Koa: (request) => ({ req: request, method: 'GET', headers: {} }),
  Hapi: (request) => ({ raw: { req: request, res: {} }, headers: {}, method: 'get' }),
  Hono: (request) => ({ env: { incoming: request }, req: { method: 'GET', raw: {} } }),
};

describe('setRoute', () => {
  for (const [name, wrap] of Object.entries(WRAPPERS)) {
    test(name, () => {
      const request = raw();
      setRoute(wrap(request), '/users/{id}');
      assert.equal(routeOf(request, true, undefined), '/users/{id}');
    });
  }

  test('wins over the framework, and the framework over the path', () => {
    const request = raw();
    const normalizer = new RouteNormalizer();
    assert.equal(routeOf(request, true, normalizer), '/users/{id}');
    setRouteSource(request, undefined, () => undefined);
    assert.equal(routeOf(request, true, normalizer), undefined);
    setRouteSource(request, '/users/:id', (route) => route);
    assert.equal(routeOf(request, true, normalizer), '/users/:id');
    setRoute(request, 'mine');
    assert.equal(routeOf(request, true, normalizer), 'mine');
  });
});
