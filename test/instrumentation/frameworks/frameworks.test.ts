import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { PACKAGE_ROOT } from '../../helpers/scratch.js';
import { findPackage } from '../../../src/instrumentation/packages/installed-package.js';
import { fetchStatus } from '../http/http-traffic.js';
import { FRAMEWORKS } from './versions.js';

const FIXTURES = join(PACKAGE_ROOT, 'test/fixtures/frameworks');
const PRELOAD = join(__dirname, 'framework-preload.js');

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  /** The route label; absent when there must be none. */
  readonly route?: string;
}

/** Where the application calls `setRoute` with what its framework hands to it. */
const chosen: Sent = { path: '/own/17', status: 200, route: 'chosen' };

const colon: readonly Sent[] = [
  chosen,
  { path: '/users/17?a=1', status: 200, route: '/users/:id' },
  { path: '/users', method: 'POST', status: 201, route: '/users' },
  { path: '/fail', status: 500, route: '/fail' },
  { path: '/tenants/acme/orders/3', status: 200, route: '/tenants/:tenant/orders/:order' },
  { path: '/nothing/here', status: 404 },
];

const express: readonly Sent[] = [
  chosen,
  { path: '/users/17?a=1', status: 200, route: '/users/:id' },
  { path: '/users', method: 'POST', status: 201, route: '/users' },
  { path: '/b', status: 200, route: '/a,/b' },
  { path: '/regexgex', status: 200, route: String.raw`/^\/re(gex)+$/` },
  { path: '/tenants/acme/orders', status: 200, route: '/tenants/:tenant/orders' },
  { path: '/tenants/acme/orders/3', status: 200, route: '/tenants/:tenant/orders/:order' },
  { path: '/tenants/beta/orders/4/fail', status: 500, route: '/tenants/:tenant/orders/:order/fail' },
  { path: '/admin/stats/today', status: 200, route: '/admin/stats/:day' },
  { path: '/tenants/acme/nothing', status: 404 },
  { path: '/nothing', status: 404 },
];

const fastify: readonly Sent[] = [
  ...colon.filter(({ path }) => !path.startsWith('/tenants')),
  {
    path: '/checked',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    status: 400,
    route: '/checked',
  },
  { path: '/tenants/acme/orders/3', status: 401, route: '/tenants/:tenant/orders/:order' },
  {
    path: '/tenants/acme/orders/3',
    headers: { authorization: 'x' },
    status: 200,
    route: '/tenants/:tenant/orders/:order',
  },
];

const hapi = colon.map((sent) => ({
  ...sent,
  ...(sent.route !== undefined && { route: braces(sent.route) }),
}));

const raw: readonly Sent[] = [
  chosen,
  { path: '/users/17?a=1', status: 200, route: '/users/{id}' },
  { path: '/users', method: 'POST', status: 201, route: '/users' },
  { path: '/tenants/acme/orders/3', status: 200, route: '/tenants/acme/orders/{id}' },
  { path: '/fail', status: 500 },
  { path: '/nothing', status: 404 },
];

/** Requests of the applications in {@link FRAMEWORKS}. */
const REQUESTS: Record<string, readonly Sent[]> = {
  express4: express,
  express5: express,
  fastify4: fastify,
  fastify5: fastify,
  koa: colon,
  hapi,
  hono: colon,
  'nest-express': colon,
  'nest-fastify': colon,
};

const APPLICATIONS: ReadonlyArray<readonly [string, readonly Sent[]]> = [
  ...FRAMEWORKS.map(({ application }) => [application, REQUESTS[application] ?? []] as const),
  ['raw', raw],
];

function braces(route: string): string {
  return route.replaceAll(/:(\w+)/g, '{$1}');
}

function expected(requests: readonly Sent[]): Record<string, number> {
  const series: Record<string, number> = {};
  for (const { method = 'GET', status, route } of requests) {
    const key = [
      ...(status >= 500 ? [`error.type=${status}`] : []),
      `http.request.method=${method}`,
      `http.response.status_code=${status}`,
      ...(route === undefined ? [] : [`http.route=${route}`]),
      'network.protocol.version=1.1',
      'url.scheme=http',
    ].join(',');
    series[key] = (series[key] ?? 0) + 1;
  }
  return series;
}

async function durations(
  child: ChildProcess,
  requests: number,
  name = 'http.server.request.duration',
): Promise<Record<string, number>> {
  for (;;) {
    child.send(name);
    const [message] = await once(child, 'message');
    const { series } = message as { series: Record<string, number> };
    if (Object.values(series).reduce((sum, count) => sum + count, 0) >= requests) return series;
    await delay(10);
  }
}

async function start(file: string, context: TestContext): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(join(FIXTURES, file), { execArgv: ['--require', PRELOAD] });
  context.after(() => child.kill());
  const exit = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} exited with ${code}`);
  });
  const [message] = await Promise.race([once(child, 'message'), exit]);
  exit.catch(() => undefined);
  return { child, port: (message as { port: number }).port };
}

describe('routes of frameworks', () => {
  for (const { name, version, packageName } of FRAMEWORKS) {
    test(`${packageName} is ${name} ${version}`, () => {
      const manifest = findPackage(packageName, join(FIXTURES, 'listen.cjs'))?.manifest;
      assert.match(String(manifest?.['version']), new RegExp(`^${version}\\.`));
    });
  }

  for (const [name, requests] of APPLICATIONS) {
    for (const format of ['cjs', 'mjs']) {
      test(`${name}, ${format}: each route is labelled as declared, a scan adds nothing`, async (context) => {
        const { child, port } = await start(`${name}.${format}`, context);
        for (const { path, method, headers, status } of requests) {
          assert.equal(await fetchStatus(port, path, method, headers), status, path);
        }
        assert.deepEqual(await durations(child, requests.length), expected(requests));
        // The whole scan where it is cheap; the others answer 404 by the same few lines of ours.
        const size = format === 'cjs' && (name === 'raw' || name === 'express5') ? 10_000 : 200;
        const paths = Array.from({ length: size }, (_, n) => `/${n % 7}/${n.toString(36)}.php?${n}`);
        for (let from = 0; from < size; from += 50) {
          await Promise.all(paths.slice(from, from + 50).map((path) => fetchStatus(port, path)));
        }
        const scanned = await durations(child, requests.length + size);
        const unmatched = paths.map((path) => ({ path, status: 404 }));
        assert.deepEqual(scanned, expected([...requests, ...unmatched]));
      });
    }
  }

  const actions: Record<string, string> = {
    'nest-express.mjs': 'action=find,code=200,controller=UsersController,endpoint=/users/:id,method=GET',
    'nest-express.cjs': 'action=find,code=200,controller=UsersController,endpoint=/users/:id,method=GET',
    'nest-fastify.mjs': 'action=find,code=200,controller=UsersController,endpoint=/users/:id,method=GET',
    'koa.mjs': 'action=show,code=200,controller=Users,endpoint=/users/:id,method=GET',
    'express4.cjs': 'action=showUser,code=200,controller=,endpoint=/users/:id,method=GET',
    'express5.mjs': 'action=showUser,code=200,controller=,endpoint=/users/:id,method=GET',
  };
  for (const [file, series] of Object.entries(actions)) {
    test(`${file}: controller and action in the names of prometheus-net`, async (context) => {
      const { child, port } = await start(file, context);
      await fetchStatus(port, '/users/17');
      assert.deepEqual(await durations(child, 1, 'http_requests_received_total'), { [series]: 1 });
    });
  }
});
