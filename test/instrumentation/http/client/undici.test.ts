/** The same requests, measured by OpenTelemetry's instrumentation-undici and by ours in one process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { context, type ContextManager, createContextKey } from '@opentelemetry/api';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { request } from 'undici';

import { instrumentHttpClient } from '../../../../src/instrumentation/http/client/client.js';
import { freePort } from '../../../helpers/ports.js';
import { CollectedMetrics } from '../../collected-metrics.js';

/** The key of `suppressTracing`. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const DURATION = 'http.client.request.duration';

test('fetch and undici: the same series, the same counts', async (t) => {
  const [theirs, ours] = [new CollectedMetrics(), new CollectedMetrics()];
  const upstream = new UndiciInstrumentation();
  upstream.setMeterProvider(theirs.provider);
  const running = instrumentHttpClient({ meter: ours.meter });
  const server = createServer((received, response) => {
    response.statusCode = Number(received.headers['x-status'] ?? 200);
    if (received.url === '/cut') {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half', () => response.destroy());
    } else response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    running.stop();
    upstream.disable();
    server.closeAllConnections();
    server.close();
    await Promise.all([theirs.shutdown(), ours.shutdown()]);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const status of [200, 204, 304, 404, 500])
    await (await fetch(`${url}/a?b`, { headers: { 'x-status': String(status) } })).text();
  for (const method of ['POST', 'PATCH', 'PROPFIND', 'HEAD']) await (await fetch(url, { method })).text();
  await (await request(url, { method: 'PUT', body: 'x' })).body.text();
  await fetch(`${url}/cut`)
    .then((response) => response.text())
    .catch(() => undefined);
  await fetch(`http://127.0.0.1:${await freePort()}`).catch(() => undefined);

  const count = (series: Record<string, number>): number =>
    Object.values(series).reduce((sum, each) => sum + each, 0);
  for (;;) {
    const [left, right] = [await ours.series(DURATION), await theirs.series(DURATION)];
    if (count(left) >= 12 && count(right) >= 12) {
      assert.deepEqual(left, right);
      break;
    }
    await delay(5);
  }
  const [mine, other] = [await ours.histogram(DURATION), await theirs.histogram(DURATION)];
  assert.deepEqual(mine.buckets.boundaries, other.buckets.boundaries);
});

test('exporters of OpenTelemetry are not counted', async (t) => {
  const metrics = new CollectedMetrics();
  const running = instrumentHttpClient({ meter: metrics.meter });
  const server = createServer((_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // As an SDK with traces sets it up.
  const { AsyncLocalStorageContextManager } = (await import('@opentelemetry/context-async-hooks')) as {
    AsyncLocalStorageContextManager: new () => ContextManager & { enable(): ContextManager };
  };
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  t.after(async () => {
    context.disable();
    running.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const suppressed = context.active().setValue(SUPPRESS_TRACING, true);
  await context.with(suppressed, async () => (await fetch(`${url}/export`)).text());
  await (await fetch(url)).text();
  for (;;) {
    const series = Object.values(await metrics.series(DURATION));
    if (series.length > 0) {
      assert.deepEqual(series, [1]);
      return;
    }
    await delay(5);
  }
});
