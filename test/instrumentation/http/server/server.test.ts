import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import {
  type HttpServerOptions,
  instrumentHttpServer,
} from '../../../../src/instrumentation/http/server/server.js';
import type { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { setRoute } from '../../../../src/instrumentation/http/route.js';
import { CollectedMetrics } from '../../collected-metrics.js';
import { fetchStatus, openSocket, signal } from '../http-traffic.js';

const DURATION = 'http.server.request.duration';
const ACTIVE = 'http.server.active_requests';

describe('HTTP server metrics', () => {
  let metrics: CollectedMetrics;
  let instrumentation: Instrumentation | undefined;
  const servers: Server[] = [];

  beforeEach(() => {
    metrics = new CollectedMetrics();
  });

  afterEach(async () => {
    instrumentation?.stop();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await metrics.shutdown();
  });

  function instrument(options: Omit<HttpServerOptions, 'meter'> = {}): void {
    instrumentation = instrumentHttpServer({ meter: metrics.meter, ...options });
  }

  async function listen(listener: RequestListener): Promise<number> {
    const server = createServer(listener);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return address.port;
  }

  /** Waits until no request is active: the response's `close` comes after the client has everything. */
  async function idle(): Promise<void> {
    for (;;) {
      const active = Object.values(await metrics.series(ACTIVE));
      if (active.every((count) => count === 0)) return;
      await delay(5);
    }
  }

  test('one series per method, route and status', async () => {
    instrument();
    const port = await listen((request, response) => {
      response.statusCode = request.url === '/fail' ? 503 : 200;
      response.end('x');
    });
    await fetchStatus(port, '/users/17?page=2');
    await fetchStatus(port, '/users/18');
    await fetchStatus(port, '/fail');
    await fetchStatus(port, '/users/18', 'POST');
    await idle();
    const common = 'network.protocol.version=1.1,url.scheme=http';
    assert.deepEqual(await metrics.series(DURATION), {
      [`http.request.method=GET,http.response.status_code=200,http.route=/users/{id},${common}`]: 2,
      [`error.type=503,http.request.method=GET,http.response.status_code=503,${common}`]: 1,
      [`http.request.method=POST,http.response.status_code=200,http.route=/users/{id},${common}`]: 1,
    });
    assert.deepEqual(await metrics.series(ACTIVE), {
      'http.request.method=GET,url.scheme=http': 0,
      'http.request.method=POST,url.scheme=http': 0,
    });
  });

  test('setRoute wins', async () => {
    instrument();
    const port = await listen((request, response) => {
      setRoute(request, '/files/{path}');
      response.end();
    });
    await fetchStatus(port, '/files/a/b/c');
    await idle();
    assert.deepEqual(await metrics.series(DURATION), {
      'http.request.method=GET,http.response.status_code=200,http.route=/files/{path},network.protocol.version=1.1,url.scheme=http': 1,
    });
  });

  test('an aborted request is counted once, without a status that was never sent', async () => {
    instrument();
    const arrived = signal();
    const port = await listen(() => arrived.give());
    const socket = await openSocket(port);
    socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await arrived.given;
    assert.deepEqual(await metrics.series(ACTIVE), { 'http.request.method=GET,url.scheme=http': 1 });
    socket.destroy();
    await idle();
    assert.deepEqual(await metrics.series(DURATION), {
      'error.type=aborted,http.request.method=GET,network.protocol.version=1.1,url.scheme=http': 1,
    });
  });

  test('an abort in the middle of a body keeps the status that was sent', async () => {
    instrument({ maxNormalizedRoutes: 0 });
    const port = await listen((_request, response) => {
      response.writeHead(206, { 'content-length': 10 });
      response.write('half');
    });
    const socket = await openSocket(port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await idle();
    assert.deepEqual(await metrics.series(DURATION), {
      'error.type=aborted,http.request.method=GET,http.response.status_code=206,network.protocol.version=1.1,url.scheme=http': 1,
    });
  });

  test('pipelined requests that wait for an unfinished one end with their connection', async () => {
    instrument({ maxNormalizedRoutes: 0 });
    const arrived = signal();
    const port = await listen((request, response) => {
      if (request.url === '/2') response.end('waits for /1');
      if (request.url === '/3') arrived.give();
    });
    const socket = await openSocket(port);
    socket.write([1, 2, 3].map((n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await arrived.given;
    socket.destroy();
    await idle();
    const total = Object.values(await metrics.series(DURATION)).reduce((sum, count) => sum + count, 0);
    assert.equal(total, 3);
  });

  test('pipelined requests that are answered are counted once each', async () => {
    instrument({ maxNormalizedRoutes: 0 });
    const port = await listen((request, response) => {
      setTimeout(() => response.end(request.url), request.url === '/0' ? 20 : 0);
    });
    const socket = await openSocket(port);
    socket.write(Array.from({ length: 20 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    let text = '';
    while (!text.includes('/19')) text += String((await once(socket, 'data'))[0]);
    socket.destroy();
    await idle();
    assert.deepEqual(await metrics.series(DURATION), {
      'http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,url.scheme=http': 20,
    });
  });

  test('an unknown method is _OTHER, a request without Host is the 400 that Node answers', async () => {
    instrument();
    const port = await listen((_request, response) => response.end());
    await fetchStatus(port, '/', 'PROPFIND');
    const socket = await openSocket(port);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await idle();
    assert.deepEqual(await metrics.series(DURATION), {
      'http.request.method=_OTHER,http.response.status_code=200,http.route=/,network.protocol.version=1.1,url.scheme=http': 1,
      'http.request.method=GET,http.response.status_code=400,http.route=/,network.protocol.version=1.1,url.scheme=http': 1,
    });
  });

  test('ignored paths, own servers and what comes after stop() leave no trace', async () => {
    const own = createServer((_request, response) => response.end());
    servers.push(own);
    own.listen(0, '127.0.0.1');
    await once(own, 'listening');
    const address = own.address();
    assert.ok(typeof address === 'object' && address !== null);
    instrument({ ignore: (path) => path === '/healthz', isOwnServer: (server) => server === own });
    const port = await listen((_request, response) => response.end());
    await fetchStatus(port, '/healthz?full');
    await fetchStatus(address.port, '/metrics');
    assert.deepEqual(await metrics.series(DURATION), {});
    assert.deepEqual(await metrics.series(ACTIVE), {});
    instrumentation?.stop();
    await fetchStatus(port, '/');
    assert.deepEqual(await metrics.series(DURATION), {});
  });

  test('a request under way at stop() leaves no trace, neither when it is answered nor when its connection closes', async () => {
    instrument();
    const answer = signal();
    const arrived = signal();
    const closed = signal();
    const port = await listen((request, response) => {
      request.socket.once('close', () => closed.give());
      arrived.give();
      void answer.given.then(() => response.end());
    });
    const agent = new Agent({ keepAlive: true });
    const status = new Promise((resolve) => {
      httpRequest({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      }).end();
    });
    await arrived.given;
    instrumentation?.stop();
    answer.give();
    assert.equal(await status, 200);
    agent.destroy();
    await closed.given;
    assert.deepEqual(await metrics.series(DURATION), {});
  });

  test('two of us in one process count each request once', async () => {
    instrument();
    const second = instrumentHttpServer({ meter: metrics.meter });
    const port = await listen((_request, response) => response.end());
    await fetchStatus(port, '/');
    await idle();
    assert.deepEqual(Object.values(await metrics.series(DURATION)), [1]);
    second.stop();
  });

  test('buckets and body sizes are options', async () => {
    instrument({ boundaries: [0.5, 30], bodySizes: true });
    const port = await listen((request, response) => {
      request.resume();
      request.on('end', () => response.setHeader('content-length', 3).end('abc'));
    });
    await new Promise<void>((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, method: 'POST', headers: { 'content-length': 5 } },
        (response) => {
          response.resume().on('end', resolve);
        },
      );
      request.on('error', reject);
      request.end('12345');
    });
    await idle();
    const duration = await metrics.histogram(DURATION);
    assert.deepEqual(duration.buckets.boundaries, [0.5, 30]);
    for (const [name, bytes] of [
      ['http.server.request.body.size', 5],
      ['http.server.response.body.size', 3],
    ] as const) {
      const size = await metrics.histogram(name);
      assert.equal(size.sum, bytes);
      assert.equal(size.buckets.boundaries[0], 256);
    }
  });

  test('the size of a response is the declared one, whoever declared it, and none where nobody did', async () => {
    instrument({ bodySizes: true });
    const answers: Record<string, (response: ServerResponse) => unknown> = {
      '/set': (response) => response.setHeader('content-length', 5).end('12345'),
      '/written': (response) => response.writeHead(200, { 'Content-Length': 5 }).end('12345'),
      '/listed': (response) => response.writeHead(200, ['content-length', '5']).end('12345'),
      '/by-node': (response) => response.end('12345'),
      '/empty': (response) => response.end(),
      '/not-modified': (response) => response.writeHead(304, { 'content-length': 5 }).end(),
      '/chunks': (response) => response.write('123') && response.end('45'),
    };
    const port = await listen((request, response) => {
      setRoute(request, request.url ?? '');
      answers[request.url ?? '']?.(response);
    });
    for (const path of Object.keys(answers)) await fetchStatus(port, path);
    await fetchStatus(port, '/set', 'HEAD');
    await idle();
    const sizes: Record<string, number> = {};
    for (const { attributes, value } of await metrics.points('http.server.response.body.size')) {
      if (typeof value === 'object')
        sizes[`${String(attributes['http.request.method'])} ${String(attributes['http.route'])}`] =
          value.sum ?? NaN;
    }
    const expected = {
      '/set': 5,
      '/written': 5,
      '/listed': 5,
      '/by-node': 5,
      '/empty': 0,
      '/not-modified': 0,
    };
    assert.deepEqual(sizes, {
      ...Object.fromEntries(Object.entries(expected).map(([path, size]) => [`GET ${path}`, size])),
      'HEAD /set': 0,
    });
  });
});
