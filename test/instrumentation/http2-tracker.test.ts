import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants, createServer, type Http2Server } from 'node:http2';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentHttpServer, type Instrumentation } from '../../src/instrumentation/http-server.js';
import { setRoute } from '../../src/instrumentation/route.js';
import { CollectedMetrics } from './collected-metrics.js';

const DURATION = 'http.server.request.duration';
/** Node 20 has no channels for HTTP/2; what works there is that nothing breaks. */
const HAS_CHANNELS = Number(process.versions.node.split('.')[0]) >= 22;
const COMMON = 'network.protocol.version=2,url.scheme=http';

describe('HTTP/2 server metrics', () => {
  let metrics: CollectedMetrics;
  let instrumentation: Instrumentation;
  let server: Http2Server;

  beforeEach(() => {
    metrics = new CollectedMetrics();
    instrumentation = instrumentHttpServer({ meter: metrics.meter, ignore: (path) => path === '/healthz' });
  });

  afterEach(async () => {
    instrumentation.stop();
    server.close();
    await metrics.shutdown();
  });

  async function exchange(paths: readonly string[]): Promise<void> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const session = connect(`http://127.0.0.1:${address.port}`);
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
    while (Object.values(await metrics.series('http.server.active_requests')).some((count) => count !== 0)) {
      await delay(5);
    }
  }

  test('compatibility API', async () => {
    server = createServer((request, response) => {
      if (request.url === '/files/a/b') setRoute(request, '/files/{path}');
      if (request.url === '/cancelled') return;
      response.statusCode = request.url === '/fail' ? 500 : 200;
      response.end('x');
    });
    await exchange(['/users/17?a=1', '/files/a/b', '/fail', '/healthz', '/cancelled']);
    assert.deepEqual(
      await metrics.series(DURATION),
      HAS_CHANNELS
        ? {
            [`http.request.method=GET,http.response.status_code=200,http.route=/users/{id},${COMMON}`]: 1,
            [`http.request.method=GET,http.response.status_code=200,http.route=/files/{path},${COMMON}`]: 1,
            [`error.type=500,http.request.method=GET,http.response.status_code=500,${COMMON}`]: 1,
            [`error.type=aborted,http.request.method=GET,${COMMON}`]: 1,
          }
        : {},
    );
  });

  test('streams', async () => {
    server = createServer();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 204 });
      stream.end();
    });
    await exchange(['/a', '/a']);
    assert.deepEqual(
      await metrics.series(DURATION),
      HAS_CHANNELS
        ? { [`http.request.method=GET,http.response.status_code=204,http.route=/a,${COMMON}`]: 2 }
        : {},
    );
  });
});
