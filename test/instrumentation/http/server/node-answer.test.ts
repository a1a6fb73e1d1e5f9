import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';

import { openSocket } from '../http-traffic.js';
import { COMMON, measuredServer, type MeasuredServerOptions } from './measured-server.js';

/** Answers when the whole body is there, which it never is. */
const patient: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end('ok'));
};
const IMPATIENT = { requestTimeout: 300, headersTimeout: 200, connectionsCheckingInterval: 50 };
const UPLOAD = 'POST /u HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = `${UPLOAD}Transfer-Encoding: chunked\r\n\r\n`;

/**
 * Sends each text when the one before it was answered.
 *
 * @returns the statuses of the answers, once the connection has closed
 */
async function send(port: number, ...texts: readonly string[]): Promise<number[]> {
  const socket = await openSocket(port);
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  let answers = '';
  socket.on('data', (data) => (answers += String(data)));
  for (const text of texts) {
    socket.write(text);
    if (text !== texts.at(-1)) await once(socket, 'data');
  }
  await closed;
  return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
}

interface Answer {
  readonly sent: string;
  readonly status: number;
  readonly method: string;
  readonly options?: MeasuredServerOptions;
}

const ANSWERS: Record<string, Answer> = {
  'a body that does not arrive in time': {
    sent: `${UPLOAD}Content-Length: 10\r\n\r\nabc`,
    status: 408,
    method: 'POST',
    options: { server: IMPATIENT },
  },
  'a broken chunk': { sent: `${CHUNKED}ZZ\r\n`, status: 400, method: 'POST' },
  'trailers that are too large': {
    sent: `${CHUNKED}0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    status: 431,
    method: 'POST',
  },
  'extensions of chunks that are too large': {
    sent: `${CHUNKED}2;${'x'.repeat(20_000)}\r\nab\r\n`,
    status: 413,
    method: 'POST',
  },
  'headers that do not arrive in time': {
    sent: 'GET / HTTP/1.1\r\nHost: a\r\n',
    status: 408,
    method: '_OTHER',
    options: { server: IMPATIENT },
  },
  'headers that are too large': {
    sent: `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`,
    status: 431,
    method: '_OTHER',
  },
  'what is no HTTP': { sent: 'no HTTP at all\r\n\r\n', status: 400, method: '_OTHER' },
};

describe('answers that Node gives by itself', () => {
  for (const [name, { sent, status, method, options }] of Object.entries(ANSWERS)) {
    test(`${name}: ${status}`, async (t) => {
      const measured = await measuredServer(t, patient, options);
      assert.deepEqual(await send(measured.port, sent), [status]);
      assert.deepEqual(await measured.durations(1), {
        [`http.request.method=${method},http.response.status_code=${status},${COMMON}`]: 1,
      });
    });
  }

  test('behind a request that was answered', async (t) => {
    const measured = await measuredServer(t, (_request, response) => response.end('ok'));
    const statuses = await send(measured.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'no HTTP at all\r\n\r\n');
    assert.deepEqual(statuses, [200, 400]);
    assert.deepEqual(await measured.durations(2), {
      [`http.request.method=GET,http.response.status_code=200,${COMMON}`]: 1,
      [`http.request.method=_OTHER,http.response.status_code=400,${COMMON}`]: 1,
    });
  });

  test('of pipelined requests it is the answer to the first that waits for one', async (t) => {
    const measured = await measuredServer(t, patient);
    const first = 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n';
    measured.server.removeAllListeners('request');
    assert.deepEqual(await send(measured.port, `${first}${CHUNKED}ZZ\r\n`), [400]);
    assert.deepEqual(await measured.durations(2), {
      [`http.request.method=GET,http.response.status_code=400,${COMMON}`]: 1,
      [`error.type=aborted,http.request.method=POST,${COMMON}`]: 1,
    });
  });

  test('an application that answers broken requests itself: the code of the error, and no status', async (t) => {
    const measured = await measuredServer(t, patient);
    measured.server.on('clientError', (error, socket) => {
      socket.write('HTTP/1.1 422 Unprocessable\r\n\r\n');
      socket.destroy(error);
    });
    assert.deepEqual(await send(measured.port, `${CHUNKED}ZZ\r\n`), [422]);
    assert.deepEqual(await measured.durations(1), {
      [`error.type=HPE_INVALID_CHUNK_SIZE,http.request.method=POST,${COMMON}`]: 1,
    });
  });

  test('a client that leaves in the middle of its body is aborted, not 400', async (t) => {
    const measured = await measuredServer(t, patient);
    const socket = await openSocket(measured.port);
    const arrived = once(measured.server, 'request');
    socket.write(`${UPLOAD}Content-Length: 10\r\n\r\nabc`);
    await arrived;
    socket.destroy();
    assert.deepEqual(await measured.durations(1), {
      [`error.type=aborted,http.request.method=POST,${COMMON}`]: 1,
    });
  });

  test('a response that was begun is aborted, since Node adds nothing to it', async (t) => {
    const measured = await measuredServer(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('begun');
    });
    await send(measured.port, `${CHUNKED}ZZ\r\n`);
    assert.deepEqual(await measured.durations(1), {
      [`error.type=aborted,http.request.method=POST,http.response.status_code=200,${COMMON}`]: 1,
    });
  });

  test('connections on which nothing came, and our own servers, are not counted', async (t) => {
    const own = createServer((_request, response) => response.end());
    own.listen(0, '127.0.0.1');
    await once(own, 'listening');
    t.after(() => own.close());
    const measured = await measuredServer(t, patient, {
      server: IMPATIENT,
      isOwnServer: (server) => server === own,
    });
    await send((own.address() as AddressInfo).port, 'no HTTP at all\r\n\r\n');
    const silent: Socket = await openSocket(measured.port);
    await once(silent.resume(), 'close');
    assert.deepEqual(await measured.durations(0), {});
  });
});
