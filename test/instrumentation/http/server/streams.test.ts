import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { get, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

import { makeCertificates } from '../../../helpers/certificates.js';
import { scratchDir } from '../../../helpers/scratch.js';
import { fetchStatus, openSocket } from '../http-traffic.js';
import { COMMON, measuredServer } from './measured-server.js';

const OK = `http.request.method=GET,http.response.status_code=200,${COMMON}`;
const ABORTED = `error.type=aborted,http.request.method=GET,http.response.status_code=200,${COMMON}`;

/** A response that a client leaves after its first piece; some time after the headers. */
async function leave(t: TestContext, port: number, path = '/'): Promise<void> {
  const request = get({ host: '127.0.0.1', port, path, agent: false });
  t.after(() => request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  await once(response, 'data');
  await delay(300);
  request.destroy();
}

const HEADS: Record<string, RequestListener> = {
  'by writeHead': (_request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }),
  'in a list': (_request, response) => response.writeHead(200, 'OK', ['content-type', 'text/event-stream']),
  'set, with a charset': (_request, response) =>
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8'),
  'by flushHeaders': (_request, response) =>
    response.setHeader('content-type', 'text/event-stream').flushHeaders(),
  'of a camera': (_request, response) =>
    response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=x' }),
};

describe('event streams', () => {
  for (const [name, head] of Object.entries(HEADS)) {
    test(`a reader that leaves is no error, and the time is that of the headers: ${name}`, async (t) => {
      const measured = await measuredServer(t, (request, response) => {
        head(request, response);
        response.write('data: 1\n\n');
      });
      await leave(t, measured.port);
      assert.deepEqual(await measured.durations(1), { [OK]: 1 });
      assert.ok((await measured.seconds(OK)) < 0.3);
    });
  }

  test('one that the server ends has the time of its headers too', async (t) => {
    const measured = await measuredServer(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      setTimeout(() => response.end(), 300);
    });
    await fetchStatus(measured.port, '/');
    assert.deepEqual(await measured.durations(1), { [OK]: 1 });
    assert.ok((await measured.seconds(OK)) < 0.3);
  });

  test('anything else that a client leaves is an error, and its time is the whole', async (t) => {
    const measured = await measuredServer(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('x');
    });
    await leave(t, measured.port);
    assert.deepEqual(await measured.durations(1), { [ABORTED]: 1 });
    assert.ok((await measured.seconds(ABORTED)) > 0.25);
  });

  test('the headers are made by Node alone again when nobody measures', async (t) => {
    const writeHead = (): unknown => Reflect.get(ServerResponse.prototype, 'writeHead');
    const original = writeHead();
    await t.test('measured', async (inner) => {
      await measuredServer(inner, (_request, response) => response.end());
      assert.notEqual(writeHead(), original);
    });
    assert.equal(writeHead(), original);
  });
});

describe('requests that are left open on purpose', () => {
  const POLL = '/socket.io/?EIO=4&transport=polling&t=x';

  test('a long poll of Socket.IO that its client leaves is not measured, and no longer active', async (t) => {
    const measured = await measuredServer(t, () => undefined);
    const socket = await openSocket(measured.port);
    const arrived = once(measured.server, 'request');
    socket.write(`GET ${POLL} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await arrived;
    socket.destroy();
    assert.deepEqual(await measured.durations(0), {});
  });

  test('one that is answered at once is measured, one that waited is not', async (t) => {
    const measured = await measuredServer(
      t,
      (request, response) => void setTimeout(() => response.end('x'), request.url === '/wait' ? 1100 : 0),
      { isWaitingPath: (path) => path === '/wait' || path === '/quick' },
    );
    await fetchStatus(measured.port, POLL);
    await fetchStatus(measured.port, '/quick?a=1');
    await fetchStatus(measured.port, '/wait');
    assert.deepEqual(await measured.durations(2), { [OK]: 2 });
  });

  test('what is left elsewhere is aborted, and no route is made of it', async (t) => {
    const measured = await measuredServer(t, () => undefined, {
      isWaitingPath: (path) => path === '/wait',
      maxNormalizedRoutes: 10,
    });
    for (const path of ['/slow', '/wait']) {
      const socket = await openSocket(measured.port);
      const arrived = once(measured.server, 'request');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await arrived;
      socket.destroy();
    }
    assert.deepEqual(await measured.durations(1), {
      [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
    });
  });
});

/** Sends a request and closes as soon as the whole answer is there, as its Content-Length says. */
async function takeAndClose(socket: Socket, path: string): Promise<void> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const data of socket) {
    text += String(data);
    const body = text.indexOf('\r\n\r\n') + 4;
    if (body > 3 && text.length - body >= Number(/content-length: (\d+)/i.exec(text)?.[1])) break;
  }
  socket.destroy();
}

describe('a client that closes right behind the last byte', () => {
  const size = statSync(__filename).size;
  const listener: RequestListener = (request, response) => {
    if (request.url === '/file') {
      response.setHeader('content-length', size);
      createReadStream(__filename).pipe(response);
      return;
    }
    response.writeHead(200, { 'content-length': 5 });
    response.write('he');
    response.write('llo');
    // `end` comes when the client has left.
    request.socket.once('close', () => setImmediate(() => response.end()));
  };

  test('has the whole answer, whenever `end` is called', async (t) => {
    const measured = await measuredServer(t, listener);
    for (let count = 0; count < 50; count++) {
      await takeAndClose(await openSocket(measured.port), '/split');
      await takeAndClose(await openSocket(measured.port), '/file');
    }
    assert.deepEqual(await measured.durations(100), { [OK]: 100 });
  });

  test('also behind other answers of its connection', async (t) => {
    const measured = await measuredServer(t, (request, response) => {
      if (request.url === '/split') listener(request, response);
      else response.end('a first answer');
    });
    const socket = await openSocket(measured.port);
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    await takeAndClose(socket, '/split');
    assert.deepEqual(await measured.durations(2), { [OK]: 2 });
  });

  test('over TLS', async (t) => {
    const { ca, serverCert, serverKey } = await makeCertificates(scratchDir(t, 'tls'));
    const [key, cert] = [serverKey, serverCert].map((file) => readFileSync(file));
    assert.ok(key !== undefined && cert !== undefined);
    const measured = await measuredServer(t, listener, { tls: { key, cert } });
    const socket = connectTls({ host: '127.0.0.1', port: measured.port, ca: readFileSync(ca) });
    await once(socket, 'secureConnect');
    await takeAndClose(socket, '/split');
    assert.deepEqual(await measured.durations(1), {
      'http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,url.scheme=https': 1,
    });
  });

  test('but one byte less is aborted, and so is what waits for a reader', async (t) => {
    const large = Buffer.alloc(32 * 1024 * 1024);
    const measured = await measuredServer(t, (request, response) => {
      const length = request.url === '/large' ? large.length : 6;
      response.writeHead(200, { 'content-length': length });
      response.write(request.url === '/large' ? large : 'hello');
    });
    for (const path of ['/short', '/large']) {
      const socket = connect(measured.port, '127.0.0.1');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await once(socket, 'data');
      socket.pause();
      await delay(50);
      socket.destroy();
    }
    assert.deepEqual(await measured.durations(2), { [ABORTED]: 2 });
  });
});
