import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { describe, test } from 'node:test';

import { fetchStatus, openSocket } from '../http-traffic.js';
import { COMMON, measuredServer } from './measured-server.js';

const OK = `http.request.method=GET,http.response.status_code=200,${COMMON}`;
const SEMCONV = 'http.server.active_requests';
const PROMETHEUS_NET = 'http_requests_in_progress';

/** What applications do to a request and its socket while they handle it. */
const MEDDLING: Record<string, RequestListener> = {
  'says that its socket is encrypted, behind a proxy that ends TLS': (request, response) => {
    Object.assign(request.socket, { encrypted: true });
    response.end('x');
  },
  'sets another method': (request, response) => {
    request.method = 'DELETE';
    response.end('x');
  },
  'puts another socket on the request': (request, response) => {
    Object.defineProperty(request, 'socket', { value: { encrypted: true } });
    response.end('x');
  },
  'takes the request off the response': (_request, response) => {
    Object.assign(response, { req: undefined });
    response.end('x');
  },
};

describe('requests in progress are labelled with what was known at their start, and end at zero', () => {
  for (const [name, listener] of Object.entries(MEDDLING)) {
    test(`though the application ${name}`, async (t) => {
      const measured = await measuredServer(t, listener, { names: ['semconv', 'prometheus-net'] });
      for (let count = 0; count < 3; count++) assert.equal(await fetchStatus(measured.port, '/'), 200);
      assert.deepEqual(await measured.durations(3), { [OK]: 3 });
      const { metrics } = measured;
      assert.deepEqual(await metrics.series(SEMCONV), { 'http.request.method=GET,url.scheme=http': 0 });
      assert.deepEqual(await metrics.series(PROMETHEUS_NET), { 'method=GET': 0 });
    });
  }

  test('though nobody is told of the end of the connection', async (t) => {
    const measured = await measuredServer(t, ({ socket }) => socket.removeAllListeners('close'));
    const socket = await openSocket(measured.port);
    const arrived = once(measured.server, 'request');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await arrived;
    assert.deepEqual(await measured.metrics.series(SEMCONV), {
      'http.request.method=GET,url.scheme=http': 1,
    });
    socket.destroy();
    assert.deepEqual(await measured.durations(1), {
      [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
    });
  });

  test('though the response was sent through another socket', async (t) => {
    const measured = await measuredServer(t, (request, response) => {
      const { socket } = request;
      response.detachSocket(socket);
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    });
    const socket = await openSocket(measured.port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket.resume(), 'close');
    // What the application sent past its response is not known.
    assert.deepEqual(await measured.durations(1), {
      [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
    });
  });
});

test('methods that are known are a setting', async (t) => {
  const measured = await measuredServer(t, (_request, response) => response.end(), {
    knownMethods: ['GET', 'PROPFIND'],
    names: ['semconv', 'prometheus-net'],
  });
  for (const method of ['GET', 'PROPFIND', 'POST', 'DELETE']) await fetchStatus(measured.port, '/', method);
  const of = (method: string): string =>
    `http.request.method=${method},http.response.status_code=200,${COMMON}`;
  assert.deepEqual(await measured.durations(4), { [of('GET')]: 1, [of('PROPFIND')]: 1, [of('_OTHER')]: 2 });
  assert.deepEqual(await measured.metrics.series(PROMETHEUS_NET), {
    'method=GET': 0,
    'method=PROPFIND': 0,
    'method=_OTHER': 0,
  });
});
