import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, test } from 'node:test';

import { type Expected, labelsOf, load } from './measured-application.js';

interface Context {
  text(body: string, status?: number): unknown;
}
type Handler = (context: Context, next: () => Promise<void>) => unknown;

/** As much of Hono as is used here. */
interface Application {
  readonly fetch: unknown;
  use(...handlers: ReadonlyArray<string | Handler>): Application;
  get(path: string, ...handlers: readonly Handler[]): Application;
  all(path: string, handler: Handler): Application;
  route(path: string, application: Application): Application;
  onError(handler: (error: Error, context: Context) => unknown): Application;
}

const { Hono } = load('hono') as { Hono: new () => Application };
const { getRequestListener } = load('@hono/node-server') as {
  getRequestListener: (fetch: unknown) => RequestListener;
};

const answer: Handler = (context) => context.text('ok');
const pass: Handler = (_context, next) => next();

const APPLICATIONS: Record<string, { build: () => Application; expected: Expected }> = {
  'middleware that called next is no part of the route': {
    build: () =>
      new Hono()
        .use('/api/*', pass)
        .use('/users', pass)
        .get('/api/users/:id', pass, answer)
        .get('/api/left', pass)
        .all('/api/all', pass),
    expected: {
      '/api/users/1': '200 /api/users/:id',
      '/api/nothing': '404',
      '/api/left': '404',
      '/api/all': '404',
      '/users': '404',
    },
  },
  'what middleware answers has its path, but for that of the whole application': {
    build: () =>
      new Hono()
        .use('/graphql', answer)
        .use('/trpc/*', answer)
        .route('/v1', new Hono().use('/assets/*', answer).get('/users/:id', answer))
        .use('/fails/*', () => {
          throw new Error('expected');
        })
        .onError((_error, context) => context.text('failed', 500))
        .use(answer),
    expected: {
      '/graphql': '200 /graphql',
      '/trpc/a,b': '200 /trpc/*',
      '/v1/assets/x.js': '200 /v1/assets/*',
      '/v1/users/1': '200 /v1/users/:id',
      '/fails/x': '500 /fails/*',
      '/anything': '200',
    },
  },
};

describe('Hono', () => {
  for (const [title, { build, expected }] of Object.entries(APPLICATIONS)) {
    test(title, async (t) => {
      const listener = getRequestListener(build().fetch);
      assert.deepEqual(await labelsOf(t, listener, Object.keys(expected)), expected);
    });
  }
});
