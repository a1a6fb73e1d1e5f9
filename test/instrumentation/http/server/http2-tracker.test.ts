import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  connect,
  constants,
  createSecureServer,
  createServer,
  type ClientHttp2Session,
  type Http2SecureServer,
  type Http2Server,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { get } from 'node:https';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentHttpServer } from '../../../../src/instrumentation/http/server/server.js';
import type { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { setRoute } from '../../../../src/instrumentation/http/route.js';
import { makeCertificates } from '../../../helpers/certificates.js';
import { scratchDir } from '../../../helpers/scratch.js';
import { CollectedMetrics } from '../../collected-metrics.js';
import { openSocket } from '../http-traffic.js';

const DURATION = 'http.server.request.duration';
const ACTIVE = 'http.server.active_requests';
/** Node 20 has no channels for HTTP/2; what works there is that nothing breaks. `end-to-end/nodes.test.ts` runs this with the others. */
const HAS_CHANNELS = Number(process.versions.node.split('.')[0]) >= 22;
const COMMON = 'network.protocol.version=2,url.scheme=http';

describe('HTTP/2 server metrics', () => {
  let metrics: CollectedMetrics;
  let instrumentation: Instrumentation;
  let server: Http2Server | Http2SecureServer;

  beforeEach(() => {
    metrics = new CollectedMetrics();
    instrumentation = instrumentHttpServer({ meter: metrics.meter, ignore: (path) => path === '/healthz' });
  });

  afterEach(async () => {
    instrumentation.stop();
    server.close();
    await metrics.shutdown();
  });

  async function listen(): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return address.port;
  }

  async function exchange(session: ClientHttp2Session, paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const stream = session.request({ ':path': path });
      stream.resume();
      if (path === '/cancelled') {
        await once(server, 'stream');
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await once(stream, 'close');
    }
    session.close();
    await once(session, 'close');
    await idle();
  }

  async function idle(): Promise<void> {
    while (Object.values(await metrics.series(ACTIVE)).some((count) => count !== 0)) await delay(5);
  }

  /** Throws unless these are the requests that were measured by HTTP/2, and `others` those by HTTP/1. */
  async function assertMeasured(
    expected: Record<string, number>,
    others: Record<string, number> = {},
  ): Promise<void> {
    assert.deepEqual(await metrics.series(DURATION), HAS_CHANNELS ? { ...expected, ...others } : others);
  }

  test('compatibility API', async () => {
    server = createServer((request, response) => {
      if (request.url === '/files/a/b') setRoute(request, '/files/{path}');
      if (request.url === '/cancelled') return;
      response.statusCode = request.url === '/fail' ? 500 : 200;
      response.end('x');
    });
    const session = connect(`http://127.0.0.1:${await listen()}`);
    await exchange(session, ['/users/17?a=1', '/files/a/b', '/fail', '/healthz', '/cancelled']);
    await assertMeasured({
      [`http.request.method=GET,http.response.status_code=200,http.route=/users/{id},${COMMON}`]: 1,
      [`http.request.method=GET,http.response.status_code=200,http.route=/files/{path},${COMMON}`]: 1,
      [`error.type=500,http.request.method=GET,http.response.status_code=500,${COMMON}`]: 1,
      [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
    });
  });

  test('streams', async () => {
    server = createServer();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 204 });
      stream.end();
    });
    await exchange(connect(`http://127.0.0.1:${await listen()}`), ['/a', '/a']);
    await assertMeasured({
      [`http.request.method=GET,http.response.status_code=204,http.route=/a,${COMMON}`]: 2,
    });
  });

  test('body sizes, where they are declared', async () => {
    instrumentation.stop();
    instrumentation = instrumentHttpServer({ meter: metrics.meter, bodySizes: true });
    server = createServer((request, response) => {
      response.setHeader('content-length', 3);
      request.resume().on('end', () => response.end('abc'));
    });
    const session = connect(`http://127.0.0.1:${await listen()}`);
    const stream = session.request({ ':method': 'POST', 'content-length': 5 });
    stream.resume().end('12345');
    await once(stream, 'close');
    session.close();
    await idle();
    for (const [side, bytes] of [
      ['request', 5],
      ['response', 3],
    ] as const) {
      const points = await metrics.points(`http.server.${side}.body.size`);
      const sums = points.map(({ value }) => (typeof value === 'object' ? value.sum : undefined));
      assert.deepEqual(sums, HAS_CHANNELS ? [bytes] : []);
    }
  });

  test('a connection that breaks ends every request on it, once', async (t) => {
    server = createServer((request, response) => {
      if (request.url === '/begun') response.write('half');
    });
    const socket = await openSocket(await listen());
    t.after(() => socket.destroy());
    const session = connect('http://127.0.0.1', { createConnection: () => socket });
    session.on('error', () => undefined);
    const streams = ['/never', '/begun'].map((path) => session.request({ ':path': path }));
    for (const stream of streams) stream.on('error', () => undefined);
    await once(streams[1] ?? server, 'response');
    assert.deepEqual(
      await metrics.series(ACTIVE),
      HAS_CHANNELS ? { 'http.request.method=GET,url.scheme=http': 2 } : {},
    );
    socket.destroy();
    await idle();
    await assertMeasured({
      [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
      [`error.type=aborted,http.request.method=GET,http.response.status_code=200,${COMMON}`]: 1,
    });
  });

  /** A stream that the client resets some time after it got the headers. */
  async function leave(session: ClientHttp2Session, headers: OutgoingHttpHeaders): Promise<void> {
    const stream = session.request(headers, { endStream: false });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    await delay(300);
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
  }

  async function seconds(): Promise<number> {
    return (await metrics.points(DURATION)).reduce(
      (sum, { value }) => sum + (typeof value === 'object' ? (value.sum ?? 0) : 0),
      0,
    );
  }

  test('an event stream that its reader leaves is no error, and has the time of its headers', async () => {
    server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n');
    });
    const session = connect(`http://127.0.0.1:${await listen()}`);
    await leave(session, { ':path': '/events' });
    session.close();
    await idle();
    await assertMeasured({
      [`http.request.method=GET,http.response.status_code=200,http.route=/events,${COMMON}`]: 1,
    });
    assert.ok((await seconds()) < 0.3);
  });

  test('a WebSocket, which is a request of CONNECT, is no error and no latency', async () => {
    server = createServer({ settings: { enableConnectProtocol: true } });
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 });
    });
    const session = connect(`http://127.0.0.1:${await listen()}`);
    await once(session, 'remoteSettings');
    await leave(session, { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/socket' });
    session.close();
    await idle();
    await assertMeasured({
      [`http.request.method=CONNECT,http.response.status_code=200,http.route=/socket,${COMMON}`]: 1,
    });
    assert.ok((await seconds()) < 0.3);
  });

  test('a stream that is reset behind the whole answer is none that was aborted', async () => {
    server = createServer((_request, response) => {
      response.end('x');
      // The client waits for no answer to its upload.
      setTimeout(() => response.stream.close(constants.NGHTTP2_CANCEL), 100);
    });
    const session = connect(`http://127.0.0.1:${await listen()}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    stream.on('error', () => undefined).resume();
    await once(stream, 'close');
    session.close();
    await idle();
    await assertMeasured({
      [`http.request.method=POST,http.response.status_code=200,http.route=/,${COMMON}`]: 1,
    });
  });

  test('TLS, and HTTP/1 on the same port', async (t) => {
    const files = await makeCertificates(scratchDir(t, 'tls'));
    const [ca, cert, key] = [files.ca, files.serverCert, files.serverKey].map((file) => readFileSync(file));
    assert.ok(ca !== undefined && cert !== undefined && key !== undefined);
    server = createSecureServer({ cert, key, allowHTTP1: true }, (_request, response) => response.end('x'));
    const port = await listen();
    const [response] = await once(get({ host: '127.0.0.1', port, ca, agent: false }), 'response');
    response.resume();
    await once(response, 'close');
    await exchange(connect(`https://127.0.0.1:${port}`, { ca }), ['/', '/']);
    const series = 'http.request.method=GET,http.response.status_code=200,http.route=/';
    await assertMeasured(
      { [`${series},network.protocol.version=2,url.scheme=https`]: 2 },
      { [`${series},network.protocol.version=1.1,url.scheme=https`]: 1 },
    );
  });
});
