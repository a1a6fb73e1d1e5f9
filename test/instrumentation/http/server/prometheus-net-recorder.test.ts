import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { setAction } from '../../../../src/instrumentation/http/action.js';
import { instrumentHttpServer } from '../../../../src/instrumentation/http/server/server.js';
import type { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { setRoute } from '../../../../src/instrumentation/http/route.js';
import { CollectedMetrics } from '../../collected-metrics.js';
import { fetchStatus, openSocket } from '../http-traffic.js';

const DURATION = 'http_request_duration_seconds';
const IN_PROGRESS = 'http_requests_in_progress';

describe('names of prometheus-net', () => {
  let metrics: CollectedMetrics;
  let instrumentation: Instrumentation;
  let server: Server;
  let port: number;

  beforeEach(async () => {
    metrics = new CollectedMetrics();
    instrumentation = instrumentHttpServer({ meter: metrics.meter, names: ['prometheus-net'] });
    server = createServer((request, response) => {
      if (request.url === '/never') return;
      setRoute(request, 'users/{id}');
      setAction(request, { controller: 'Users', action: 'Get' });
      response.statusCode = request.url === '/fail' ? 503 : 200;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    ({ port } = address);
  });

  afterEach(async () => {
    instrumentation.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });

  async function idle(): Promise<void> {
    while (Object.values(await metrics.series(IN_PROGRESS)).some((count) => count !== 0)) await delay(5);
  }

  test('four families with code, method, controller, action and endpoint, and nothing else', async () => {
    await fetchStatus(port, '/users/1');
    await fetchStatus(port, '/users/2');
    await fetchStatus(port, '/fail', 'POST');
    await idle();
    const labels = 'controller=Users,endpoint=users/{id}';
    const ok = `action=Get,code=200,${labels},method=GET`;
    const failed = `action=Get,code=503,${labels},method=POST`;
    assert.deepEqual(await metrics.series(DURATION), { [ok]: 2, [failed]: 1 });
    assert.deepEqual(await metrics.series('http_requests_received_total'), { [ok]: 2, [failed]: 1 });
    assert.deepEqual(await metrics.series('http_errors_total'), { [failed]: 1 });
    assert.deepEqual(await metrics.series(IN_PROGRESS), { 'method=GET': 0, 'method=POST': 0 });
    const families = (await metrics.all()).map(({ descriptor }) => descriptor.name);
    assert.deepEqual(
      families.toSorted(),
      ['http_errors_total', DURATION, IN_PROGRESS, 'http_requests_received_total'].toSorted(),
    );
  });

  test('buckets double from one millisecond to 32.768 seconds', async () => {
    await fetchStatus(port, '/');
    await idle();
    const { buckets } = await metrics.histogram(DURATION);
    assert.deepEqual(
      buckets.boundaries,
      [
        0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
        16.384, 32.768,
      ],
    );
  });

  test('a client that left is 499, an error, and no longer in progress', async () => {
    const socket = await openSocket(port);
    const arrived = once(server, 'request');
    socket.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
    await arrived;
    assert.deepEqual(await metrics.series(IN_PROGRESS), { 'method=GET': 1 });
    socket.destroy();
    await idle();
    const left = 'action=,code=499,controller=,endpoint=,method=GET';
    assert.deepEqual(await metrics.series('http_requests_received_total'), { [left]: 1 });
    assert.deepEqual(await metrics.series('http_errors_total'), { [left]: 1 });
  });
});
