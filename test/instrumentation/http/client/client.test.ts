import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, request as send, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentHttpClient } from '../../../../src/instrumentation/http/client/client.js';
import type { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { CollectedMetrics } from '../../collected-metrics.js';

const DURATION = 'http.client.request.duration';
/** The channel `http.client.request.created`. `e2e/nodes.test.ts` runs this with the Nodes that have it. */
const TELLS_OF_CREATED = Number(process.versions.node.split('.')[0]) >= 22;

describe('HTTP client metrics', () => {
  let metrics: CollectedMetrics;
  let server: Server;
  let port: number;
  let running: Instrumentation[];

  beforeEach(async () => {
    metrics = new CollectedMetrics();
    server = createServer((request, response) => {
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': 10 });
        response.write('half', () => response.destroy());
        return;
      }
      if (request.url === '/never') return;
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end('x');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    running = [instrumentHttpClient({ meter: metrics.meter })];
  });

  afterEach(async () => {
    for (const each of running) each.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });

  async function durations(count: number): Promise<Record<string, number>> {
    for (;;) {
      const series = await metrics.series(DURATION);
      if (Object.values(series).reduce((sum, each) => sum + each, 0) >= count) return series;
      await delay(5);
    }
  }

  test('by method, server and status; a status of 400 and above is an error', async () => {
    for (const path of ['/', '/?a=1', '/missing']) {
      const [response] = await once(get({ host: '127.0.0.1', port, path }), 'response');
      response.resume();
    }
    const target = `server.address=127.0.0.1,server.port=${port}`;
    assert.deepEqual(await durations(3), {
      [`http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,${target}`]: 2,
      [`error.type=404,http.request.method=GET,http.response.status_code=404,network.protocol.version=1.1,${target}`]: 1,
    });
  });

  test('an answer that breaks off, and a request that is given up', async () => {
    get({ host: '127.0.0.1', port, path: '/cut' }, (response) => {
      response.on('error', () => undefined);
      response.resume();
    });
    await durations(1);
    const given = send({ host: '127.0.0.1', port, path: '/never' });
    given.on('error', () => undefined);
    given.end();
    await once(server, 'request');
    given.destroy();
    const target = `server.address=127.0.0.1,server.port=${port}`;
    assert.deepEqual(await durations(2), {
      [`error.type=ECONNRESET,http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,${target}`]: 1,
      [`error.type=ECONNRESET,http.request.method=GET,${target}`]: 1,
    });
  });

  test('a request that is given up before its body has ended, which Node 20 does not tell of', async () => {
    const given = send({ host: '127.0.0.1', port, method: 'POST', path: '/never' });
    given.on('error', () => undefined);
    given.write('half');
    await once(server, 'request');
    given.destroy();
    await new Promise((resolve) => {
      given.on('close', resolve);
    });
    const series = `error.type=ECONNRESET,http.request.method=POST,server.address=127.0.0.1,server.port=${port}`;
    assert.deepEqual(await metrics.series(DURATION), TELLS_OF_CREATED ? { [series]: 1 } : {});
  });

  test('fetch is counted once', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    await response.text();
    assert.deepEqual(await durations(1), {
      [`http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,server.address=127.0.0.1,server.port=${port},url.scheme=http`]: 1,
    });
  });
});
