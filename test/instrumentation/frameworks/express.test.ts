import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';

import { type Expected, labelsOf, load } from './measured-application.js';

type Next = (reason?: unknown) => void;
type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => unknown;

/** As much of Express as is used here. */
interface Router {
  use(...handlers: ReadonlyArray<unknown>): unknown;
  get(path: unknown, ...handlers: readonly Handler[]): unknown;
  all(path: unknown, ...handlers: readonly Handler[]): unknown;
  param(name: string, handler: (...args: readonly [...unknown[], Next, string, string]) => unknown): unknown;
}

interface Express {
  (): Router & RequestListener;
  Router(options?: { readonly mergeParams?: boolean }): Router & Handler;
  static(folder: string): Handler;
}

const answer: Handler = (_request, response) => response.end('ok');
const pass: Handler = (_request, _response, next) => next();

interface Application {
  readonly build: (express: Express, five: boolean) => RequestListener;
  readonly expected: Expected;
}

const APPLICATIONS: Record<string, Application> = {
  'middleware and routers that called next are no part of the route': {
    build(express) {
      const app = express();
      app.use('/api', pass);
      const v1 = express.Router();
      v1.get('/users/:id', answer);
      app.use('/api/v1', v1);
      const api = express.Router();
      api.get('/ping', answer);
      app.use('/api', api);
      const admin = express.Router();
      admin.get('/stats', answer);
      app.use('/api/admin', admin);
      app.use('/:lang', pass);
      const shop = express.Router();
      shop.get('/item/:sku', answer);
      app.use('/en/shop', shop);
      app.get('/en/plain', answer);
      return app;
    },
    expected: {
      '/api/v1/users/5': '200 /api/v1/users/:id',
      '/api/ping': '200 /api/ping',
      '/api/admin/stats': '200 /api/admin/stats',
      '/en/shop/item/9': '200 /en/shop/item/:sku',
      '/en/plain': '200 /en/plain',
      '/api/nothing': '404',
      '/en': '404',
    },
  },
  'routes that called next are none either': {
    build(express, five) {
      const app = express();
      app.all(five ? '/private/*rest' : '/private/*', pass);
      app.get('/private/page', pass, answer);
      app.get('/private/other', (_request, _response, next) => next('route'), answer);
      const router = express.Router();
      router.get('/left', (_request, _response, next) => next('router'));
      router.get('/left', answer);
      app.use('/private', router);
      return app;
    },
    expected: {
      '/private/page': '200 /private/page',
      '/private/other': '404',
      '/private/left': '404',
      '/private/nothing': '404',
    },
  },
  "applications and routers at '' and '/', with mergeParams, and nested": {
    build(express) {
      const app = express();
      const [api, users] = [express(), express()];
      users.get('/users/:id', answer);
      api.use('', users);
      app.use('/api', api);
      const [tenant, orders] = [true, true].map((mergeParams) => express.Router({ mergeParams }));
      orders?.get('/orders/:order', answer);
      tenant?.use('/', orders);
      app.use('/tenants/:tenant', tenant);
      const [a, b, c, d] = [0, 1, 2, 3].map(() => express.Router());
      d?.get('/end', answer);
      d?.get('/', answer);
      c?.use('/d', d);
      b?.use('/', c);
      a?.use('/:b', b);
      app.use('/a/', a);
      app.use('/', express.Router());
      return app;
    },
    expected: {
      '/api/users/1': '200 /api/users/:id',
      '/tenants/acme/orders/2': '200 /tenants/:tenant/orders/:order',
      '/a/x/d/end': '200 /a/:b/d/end',
      '/a/x/d': '200 /a/:b/d',
      '/a/x/d/nothing': '404',
    },
  },
  'a router in two places, and one within itself': {
    build(express) {
      const app = express();
      const comments = express.Router();
      comments.get('/comments/:id', answer);
      comments.use('/replies', comments);
      app.use('/posts', comments);
      app.use('/pages', comments);
      return app;
    },
    expected: {
      '/posts/comments/1': '200 /posts/comments/:id',
      '/pages/comments/1': '200 /pages/comments/:id',
      '/pages/replies/replies/comments/1': '200 /pages/replies/replies/comments/:id',
    },
  },
  'a pattern that matched nothing is no prefix': {
    build(express, five) {
      const app = express();
      const shop = express.Router();
      shop.get('/item/:sku', answer);
      app.use(five ? '{/:lang}' : '/:lang?', pass);
      app.use(['', '/beta'], pass);
      app.get('/plain/:id', answer);
      app.use(['/shop', ''], shop);
      return app;
    },
    expected: {
      '/plain/3': '200 /plain/:id',
      '/item/9': '200 /item/:sku',
      '/shop/item/9': '200 /shop/item/:sku',
      '/beta': '404',
    },
  },
  'mounts that are an array or a regular expression': {
    build(express) {
      const app = express();
      const router = express.Router();
      router.get('/users/:id', answer);
      app.use(['/v1', '/v2/'], router);
      app.use(/^\/r\d/, router);
      return app;
    },
    expected: {
      '/v1/users/1': '200 /v1,/v2/users/:id',
      '/v2/users/1': '200 /v1,/v2/users/:id',
      '/r2/users/1': String.raw`200 /^\/r\d//users/:id`,
    },
  },
  'what a mount answers is its own': {
    build(express) {
      const app = express();
      app.use('/graphql', pass, answer);
      app.use('/assets', express.static(__dirname));
      app.use('/hook', (_request: unknown, response: ServerResponse) => {
        response.statusCode = 500;
        response.end('no');
      });
      app.use('/fails', (_request: unknown, _response: unknown, next: Next) => next(new Error('expected')));
      const api = express.Router();
      api.get('/users', answer);
      api.use((_request: unknown, response: ServerResponse) => {
        response.statusCode = 404;
        response.end('nothing');
      });
      app.use('/api', api);
      // oxlint-disable-next-line no-unused-vars -- Express tells error handlers by their four parameters.
      app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: Next) => {
        response.statusCode = 500;
        response.end();
      });
      return app;
    },
    expected: {
      '/graphql': '200 /graphql',
      '/graphql/': '200 /graphql',
      '/assets/express.test.js': '200 /assets',
      '/assets/nothing': '404',
      '/hook/x': '500 /hook',
      '/fails/x': '500 /fails',
      '/api/users': '200 /api/users',
      '/api/nothing': '404 /api',
      '/scan/1': '404',
    },
  },
  'what has answered and calls next nevertheless is the route': {
    build(express) {
      const app = express();
      app.get('/logged', (_request, response, next) => {
        response.end('ok');
        next();
      });
      app.use('/logged', (_request: unknown, _response: unknown, next: Next) => next());
      app.get('/logged', pass);
      return app;
    },
    expected: { '/logged': '200 /logged' },
  },
  'an application that cuts the url': {
    build(express) {
      const app = express();
      app.use((request: { url: string }, _response: unknown, next: Next) => {
        request.url = request.url.replace(/^\/en/, '');
        next();
      });
      const shop = express.Router();
      shop.get('/item/:sku', answer);
      app.use('/shop', shop);
      return app;
    },
    expected: { '/en/shop/item/1': '200 /shop/item/:sku', '/en/nothing': '404' },
  },
  'parameters that are looked up asynchronously': {
    build(express) {
      const app = express();
      const tenants = express.Router();
      tenants.get('/orders/:order', answer);
      app.param('tenant', (...args) => {
        setTimeout(args[2] as Next, 5);
      });
      app.use('/tenants/:tenant', tenants);
      return app;
    },
    expected: { '/tenants/acme/orders/1': '200 /tenants/:tenant/orders/:order' },
  },
};

for (const name of ['express4', 'express']) {
  describe(name, () => {
    for (const [title, { build, expected }] of Object.entries(APPLICATIONS)) {
      test(title, async (t) => {
        const application = build(load(name) as Express, name === 'express');
        assert.deepEqual(await labelsOf(t, application, Object.keys(expected)), expected);
      });
    }
  });
}
