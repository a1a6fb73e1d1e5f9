/** Routers that nothing is known of: the path at the request's start is the route, as with none. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';

import { type Expected, labelsOf, load } from './measured-application.js';

interface Router {
  use(path: string, ...handlers: readonly unknown[]): Router;
}
interface Polka {
  use(path: string, application: Polka): Polka;
  get(path: string, handler: RequestListener): Polka;
  readonly handler: RequestListener;
}

const answer: RequestListener = (_request, response) => response.end('ok');

const APPLICATIONS: Record<string, { build: () => RequestListener; expected: Expected }> = {
  'connect, which cuts what a middleware is mounted at': {
    build() {
      const connect = load('connect') as () => Router & RequestListener;
      const inner = connect();
      inner.use('/users', answer);
      const app = connect();
      app.use('/api', inner);
      app.use('/files', answer);
      return app;
    },
    expected: {
      '/api/users/1': '200 /api/users/{id}',
      '/files/report': '200 /files/report',
      '/nothing/1': '404',
    },
  },
  'polka, whose applications are mounted': {
    build() {
      const polka = load('polka') as () => Polka;
      return polka().use('/api', polka().get('/users/:id', answer)).get('/own', answer).handler;
    },
    expected: { '/api/users/1': '200 /api/users/{id}', '/own': '200 /own', '/nothing/1': '404' },
  },
  'an application that rewrites the url, and has a baseUrl of its own': {
    build: () => (request, response) => {
      Object.assign(request, { baseUrl: 'https://shop.example' });
      request.url = request.url?.replace('/en', '') ?? '';
      response.end('ok');
    },
    expected: { '/en/users/1': '200 /en/users/{id}' },
  },
  'tRPC, whose batches are one route however they are made up': {
    build() {
      const { initTRPC } = load('@trpc/server') as {
        initTRPC: {
          create(): {
            readonly router: (procedures: Record<string, unknown>) => unknown;
            readonly procedure: { query(resolve: () => unknown): unknown };
          };
        };
      };
      const { createHTTPHandler } = load('@trpc/server/adapters/standalone') as {
        createHTTPHandler: (options: { router: unknown }) => RequestListener;
      };
      const { router, procedure } = initTRPC.create();
      const query = procedure.query(() => 'ok');
      return createHTTPHandler({ router: router({ user: query, posts: query, tags: query }) });
    },
    expected: {
      '/user': '200 /user',
      '/user,posts?batch=1&input={}': '200 /{list}',
      '/posts,user?batch=1&input={}': '200 /{list}',
      '/tags,posts,user?batch=1&input={}': '200 /{list}',
      '/tags%2Cuser?batch=1&input={}': '200 /{list}',
    },
  },
};

for (const [title, { build, expected }] of Object.entries(APPLICATIONS)) {
  test(title, async (t) => {
    assert.deepEqual(await labelsOf(t, build(), Object.keys(expected)), expected);
  });
}
