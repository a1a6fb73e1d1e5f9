import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { type InProcess, startInProcess } from './helpers/in-process.js';
import { answer, type Echo, TestUpstream } from './helpers/upstream.js';

describe('routes', () => {
  let service: TestUpstream;
  let other: TestUpstream;
  let gateway: InProcess;

  before(async () => {
    [service, other] = await Promise.all([TestUpstream.start(), TestUpstream.start()]);
    gateway = await startInProcess(
      {
        upstreams: { files: { targets: [{ url: `${other.url}/base` }] } },
        routes: [
          { name: 'users', path: '/users/:id', methods: ['GET', 'PUT', 'POST'], upstream: 'user' },
          {
            name: 'profile',
            path: '/users/:id/profile',
            methods: ['GET'],
            upstream: 'user',
            rewrite: '/v2/profiles/:id',
          },
          { name: 'files', path: '/files/*', upstream: 'files', rewrite: '/*', bodyLimitBytes: 1000 },
          {
            name: 'headers',
            path: '/headers',
            upstream: 'user',
            requestHeaders: { set: { 'X-Tenant': 'one' }, remove: ['x-debug'] },
            responseHeaders: { set: { 'X-Frame-Options': 'DENY' }, remove: ['server'] },
          },
          { name: 'slow', path: '/slow', upstream: 'user', timeoutMs: 1000, retry: { count: 0 } },
        ],
      },
      { SERVICE_USER_BASE_URL: service.url, APP_NAME: 'edge', APP_URL: 'https://api.example.com' },
    );
  });
  after(async () => {
    await gateway.stop();
    await Promise.all([service.stop(), other.stop()]);
  });
  beforeEach(() => {
    service.handler = answer();
    other.handler = answer();
  });

  const get = async (
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; echo: Echo; response: Response }> => {
    const response = await fetch(gateway.url + path, init);
    return { status: response.status, response, echo: (await response.json()) as Echo };
  };

  it('hands a request to the service of its route', async () => {
    const { status, echo } = await get('/users/7?full=1&x=a%20b');
    assert.equal(status, 200);
    assert.equal(echo.url, '/users/7?full=1&x=a%20b');
    assert.equal(echo.headers['host'], `127.0.0.1:${service.port}`);
  });

  it('rewrites the path, and leaves the encoding of its parts alone', async () => {
    assert.equal((await get('/users/a%2Fb/profile')).echo.url, '/v2/profiles/a%2Fb');
    assert.equal((await get('/files/x/y%20z?q=1')).echo.url, '/base/x/y%20z?q=1');
  });

  it('answers 404 for a path without a route, and 405 with Allow for another method', async () => {
    assert.equal((await get('/nothing')).status, 404);
    const { status, response } = await get('/users/7', { method: 'DELETE' });
    assert.equal(status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD, POST, PUT');
  });

  it('passes a body on as it came', async () => {
    const { echo } = await get('/users/7', {
      method: 'POST',
      body: '{"broken',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(echo.body, '{"broken');
    assert.equal(echo.headers['content-length'], '8');
  });

  it('streams: the first piece arrives while the rest is not there yet', async () => {
    let finish = (): void => undefined;
    service.handler = (_request, response) => {
      response.writeHead(200);
      response.write('first');
      finish = () => response.end('last');
    };
    const response = await fetch(`${gateway.url}/users/1`);
    const reader = response.body?.getReader();
    assert.equal(Buffer.from((await reader?.read())?.value ?? '').toString(), 'first');
    finish();
    assert.equal(Buffer.from((await reader?.read())?.value ?? '').toString(), 'last');
  });

  it('refuses a longer body with 413, whether it says its length or not', async () => {
    assert.equal((await get('/files/a', { method: 'POST', body: 'x'.repeat(1001) })).status, 413);
    const pieces = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.alloc(600));
      },
    });
    const response = await fetch(`${gateway.url}/files/a`, {
      method: 'PUT',
      body: pieces,
      duplex: 'half',
    }).catch((error: unknown) => error as Error);
    // The client may still be writing when the answer comes and the connection ends.
    assert.ok(response instanceof Error || response.status === 413, 'the body was taken');
  });

  it('removes what belongs to a connection, and says who forwards', async () => {
    service.handler = (request, response) =>
      answer(200, { connection: 'x-secret', 'x-secret': '1', via: '1.0 inner' })(request, response);
    const { echo, response } = await get('/users/1', {
      headers: {
        te: 'trailers',
        'x-forwarded-for': '6.6.6.6',
        'x-authenticated-subject': 'root',
        forwarded: 'for=6.6.6.6',
        via: '1.1 cdn',
      },
    });
    assert.equal(echo.headers['te'], undefined);
    assert.equal(echo.headers['x-authenticated-subject'], undefined);
    assert.equal(echo.headers['forwarded'], undefined);
    assert.equal(echo.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(echo.headers['x-forwarded-proto'], 'https');
    assert.equal(echo.headers['x-forwarded-host'], 'api.example.com');
    assert.equal(echo.headers['via'], '1.1 cdn, 1.1 edge');
    assert.equal(response.headers.get('x-secret'), null);
    assert.equal(response.headers.get('via'), '1.0 inner, 1.1 edge');
    assert.equal(response.headers.get('x-request-id'), echo.headers['x-request-id']);
  });

  it('sets and removes headers as the route says', async () => {
    service.handler = answer(200, { server: 'secret/1.0' });
    const { echo, response } = await get('/headers', { headers: { 'x-debug': '1' } });
    assert.equal(echo.headers['x-tenant'], 'one');
    assert.equal(echo.headers['x-debug'], undefined);
    assert.equal(response.headers.get('x-frame-options'), 'DENY');
    assert.equal(response.headers.get('server'), null);
  });

  it('writes APP_URL into a redirect to the service', async () => {
    service.handler = (_request, response) =>
      response.writeHead(302, { location: `${service.url}/users/2` }).end();
    const response = await fetch(`${gateway.url}/users/1`, { redirect: 'manual' });
    assert.equal(response.headers.get('location'), 'https://api.example.com/users/2');
  });

  it('answers 504 after the timeout of the route, and 502 without an answer', async () => {
    service.handler = () => undefined;
    assert.equal((await get('/slow')).status, 504);
    service.handler = (request) => request.socket.destroy();
    assert.equal((await get('/slow')).status, 502);
  });

  it('ends the request at the service when the client leaves', async () => {
    const gone = new Promise((resolve) => {
      service.handler = (_request, response) => response.once('close', resolve);
    });
    const controller = new AbortController();
    const request = fetch(`${gateway.url}/users/1`, { signal: controller.signal }).catch(() => undefined);
    while (!service.requests.at(-1)?.startsWith('GET /users/1'))
      await new Promise((resolve) => setTimeout(resolve, 10));
    controller.abort();
    await request;
    await gone;
  });
});

describe('retries', () => {
  let service: TestUpstream;
  let gateway: InProcess;
  const route = { path: '/things', upstream: 'thing' };

  before(async () => {
    service = await TestUpstream.start();
    gateway = await startInProcess(
      {
        upstreams: { thing: { breaker: { minimumCalls: 1000, window: 1000 } } },
        routes: [
          { name: 'things', ...route, retry: { backoff: { initialMs: 1, maxMs: 5 }, bufferBytes: 10 } },
        ],
      },
      { SERVICE_THING_BASE_URL: service.url, ORCHESTRATOR_RETRY_COUNT: '2', ORCHESTRATOR_TIMEOUT_MS: '1500' },
    );
  });
  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  const attempts = async (
    init: RequestInit,
    fail: TestUpstream['handler'],
  ): Promise<{ status: number; attempts: number; body: string }> => {
    service.requests.length = 0;
    service.handler = fail;
    const response = await fetch(`${gateway.url}/things`, init);
    return { status: response.status, body: await response.text(), attempts: service.requests.length };
  };

  it('tries again ORCHESTRATOR_RETRY_COUNT times, and passes the last answer on', async () => {
    const result = await attempts({}, answer(503));
    assert.deepEqual([result.status, result.attempts], [503, 3]);
  });

  it('tries again after a broken connection and after ORCHESTRATOR_TIMEOUT_MS', async () => {
    for (const fail of [
      (request: { socket: { destroy(): void } }) => request.socket.destroy(),
      () => undefined,
    ] as Array<TestUpstream['handler']>) {
      let calls = 0;
      const result = await attempts({}, (request, response) => {
        calls += 1;
        if (calls === 1) fail(request, response);
        else answer()(request, response);
      });
      assert.deepEqual([result.status, result.attempts], [200, 2]);
    }
  });

  it('never sends a POST or PATCH twice without an idempotency key', async () => {
    for (const method of ['POST', 'PATCH']) {
      assert.equal((await attempts({ method, body: 'a' }, answer(503))).attempts, 1);
      assert.equal(
        (await attempts({ method, body: 'a', headers: { 'idempotency-key': 'k1' } }, answer(503))).attempts,
        3,
      );
    }
  });

  it('sends the same body again, if it is short', async () => {
    let calls = 0;
    const result = await attempts({ method: 'PUT', body: 'short' }, (request, response) => {
      calls += 1;
      answer(calls < 3 ? 503 : 200)(request, response);
    });
    assert.equal((JSON.parse(result.body) as Echo).body, 'short');
    assert.equal((await attempts({ method: 'PUT', body: 'longer than ten' }, answer(503))).attempts, 1);
  });

  it('does not try again what is an answer', async () => {
    assert.equal((await attempts({}, answer(500))).attempts, 1);
    assert.equal((await attempts({}, answer(404))).attempts, 1);
  });
});
