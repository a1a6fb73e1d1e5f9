import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, test } from 'node:test';

import { type Expected, labelsOf, load } from './measured-application.js';

interface Context {
  body: unknown;
  status: number;
  path: string;
  readonly mountPath?: string;
  readonly _matchedRoute?: unknown;
}

type Middleware = (context: Context, next: () => Promise<void>) => unknown;

/** As much of Koa and its router as is used here. */
interface Application {
  silent: boolean;
  use(middleware: Middleware): Application;
  callback(): RequestListener;
}
interface Router {
  get(path: string, ...middleware: readonly Middleware[]): Router;
  routes(): Middleware;
}

const Koa = load('koa') as new () => Application;
const { Router } = load('@koa/router') as { Router: new (options?: { prefix?: string }) => Router };
const mount = load('koa-mount') as (prefix: string, what: Application | Middleware) => Middleware;

const answer: Middleware = (context) => {
  context.body = 'ok';
};

function users(options?: { prefix?: string }): Middleware {
  return new Router(options).get('/users/:id', answer).get('/', answer).routes();
}

const APPLICATIONS: Record<string, { build: () => Application; expected: Expected }> = {
  'applications under a prefix': {
    build: () =>
      ['/v1', '/v2', '/admin'].reduce(
        (app, prefix) => app.use(mount(prefix, new Koa().use(users()))),
        new Koa(),
      ),
    expected: {
      '/v1/users/1': '200 /v1/users/:id',
      '/v2/users/1': '200 /v2/users/:id',
      '/admin/users/1': '200 /admin/users/:id',
      '/admin': '200 /admin',
      '/v3/users/1': '404',
      '/v1/nothing': '404',
    },
  },
  'several deep, and prefixes of the router': {
    build: () =>
      new Koa()
        .use(mount('/a', new Koa().use(mount('/b', new Koa().use(users({ prefix: '/c' }))))))
        .use(users()),
    expected: { '/a/b/c/users/1': '200 /a/b/c/users/:id', '/users/1': '200 /users/:id' },
  },
  'what was mounted and called next is no part of the route': {
    build: () =>
      new Koa()
        .use(mount('/api', async (_context, next) => next()))
        .use(mount('/api', new Koa().use(new Router().get('/ping', answer).routes())))
        .use(new Router().get('/api/users/:id', answer).routes())
        .use(mount('/api', async (_context, next) => next()))
        .use(async (context, next) => (context.path === '/api/last' ? answer(context, next) : next())),
    expected: {
      '/api/ping': '200 /api/ping',
      '/api/users/1': '200 /api/users/:id',
      '/api/last': '200',
      '/api/nothing': '404',
    },
  },
  'what is mounted answers without a router': {
    build: () => {
      const app = new Koa();
      app.silent = true;
      return app
        .use(mount('/graphql', answer))
        .use(mount('/outer', new Koa().use(mount('/inner', answer))))
        .use(
          mount('/fails', () => {
            throw new Error('expected');
          }),
        );
    },
    expected: {
      '/graphql': '200 /graphql',
      '/graphql/x': '200 /graphql',
      '/outer/inner/x': '200 /outer/inner',
      '/fails/x': '500 /fails',
      '/outer/x': '404',
    },
  },
  'a path that the application rewrites is no prefix': {
    build: () =>
      new Koa()
        .use(async (context, next) => {
          context.path = context.path.replace(/^\/(?:en|de)/, '');
          await next();
        })
        .use(users())
        .use(mount('/shop', new Koa().use(users()))),
    expected: {
      '/en/users/1': '200 /users/:id',
      '/de/users/1': '200 /users/:id',
      '/de/shop/users/1': '200 /shop/users/:id',
    },
  },
};

describe('koa-mount', () => {
  for (const [title, { build, expected }] of Object.entries(APPLICATIONS)) {
    test(title, async (t) => {
      assert.deepEqual(await labelsOf(t, build().callback(), Object.keys(expected)), expected);
    });
  }

  test('an application reads what it read without us', async (t) => {
    const seen: unknown[] = [];
    const look = ({ mountPath, _matchedRoute: route, path }: Context): void => {
      seen.push([mountPath, route, path]);
    };
    const router = new Router().get('/users/:id', (context) => {
      look(context);
      context.body = 'ok';
    });
    const app = new Koa()
      .use(async (context, next) => {
        look(context);
        await next();
        look(context);
      })
      .use(mount('/v1', new Koa().use(router.routes())));
    await labelsOf(t, app.callback(), ['/v1/users/1']);
    assert.deepEqual(seen, [
      [undefined, undefined, '/v1/users/1'],
      ['/v1', '/users/:id', '/users/1'],
      ['/v1', '/users/:id', '/v1/users/1'],
    ]);
  });
});
