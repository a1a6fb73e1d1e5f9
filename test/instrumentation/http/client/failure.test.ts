import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type RequestOptions, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentHttpClient } from '../../../../src/instrumentation/http/client/client.js';
import type { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { freePort } from '../../../helpers/ports.js';
import { CollectedMetrics } from '../../collected-metrics.js';

const DURATION = 'http.client.request.duration';

/** Each ends when its request has, in whatever way. */
type Send = (port: number, path: string, signal: AbortSignal) => Promise<void>;

const CLIENTS: Record<string, Send> = {
  async 'node:http'(port, path, signal) {
    const options: RequestOptions = { host: '127.0.0.1', port, path, signal, agent: false };
    const request = get(options, (response) => response.on('error', () => undefined).resume());
    request.on('error', () => undefined);
    await new Promise((resolve) => {
      request.on('close', resolve);
    });
  },
  async fetch(port, path, signal) {
    await fetch(`http://127.0.0.1:${port}${path}`, { signal })
      .then(
        (response) => response.text(),
        () => undefined,
      )
      .catch(() => undefined);
  },
};

describe('how a request of a client ends', () => {
  let metrics: CollectedMetrics;
  let server: Server;
  let port: number;
  let running: Instrumentation;
  const arrived: Array<() => void> = [];

  beforeEach(async () => {
    metrics = new CollectedMetrics();
    server = createServer((request, response) => {
      if (request.url === '/begun') {
        response.writeHead(200, { 'content-length': 10 });
        response.write('half');
      }
      // A moment later, so that the client has what was sent.
      setTimeout(() => arrived.splice(0).forEach((tell) => tell()), 50);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    running = instrumentHttpClient({ meter: metrics.meter });
  });

  afterEach(async () => {
    running.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });

  /** The one request's `error.type` and status. */
  async function outcome(): Promise<Array<string | number | undefined>> {
    for (;;) {
      const [point] = await metrics.points(DURATION);
      if (point !== undefined) {
        const { 'error.type': error, 'http.response.status_code': status } = point.attributes;
        return [error, status].map((value) => (value === undefined ? undefined : (value as string | number)));
      }
      await delay(5);
    }
  }

  const REASONS: Record<string, { abort: (controller: AbortController) => void; error?: string }> = {
    'given up': { abort: (controller) => controller.abort() },
    'given up with a text for a reason': { abort: (controller) => controller.abort('the user left') },
  };

  for (const [client, send] of Object.entries(CLIENTS)) {
    for (const path of ['/never', '/begun']) {
      const status = path === '/begun' ? 200 : undefined;

      for (const [name, { abort }] of Object.entries(REASONS)) {
        test(`${client}, ${path}: ${name} is no error`, async () => {
          const controller = new AbortController();
          arrived.push(() => abort(controller));
          await send(port, path, controller.signal);
          assert.deepEqual(await outcome(), [undefined, status]);
        });
      }

      test(`${client}, ${path}: a time limit is TimeoutError`, async () => {
        await send(port, path, AbortSignal.timeout(200));
        assert.deepEqual(await outcome(), ['TimeoutError', status]);
      });

      test(`${client}, ${path}: a connection that breaks is the code of its error`, async () => {
        arrived.push(() => server.closeAllConnections());
        await send(port, path, new AbortController().signal);
        const [error] = await outcome();
        assert.match(String(error), /^(?:ECONNRESET|UND_ERR_SOCKET)$/);
      });
    }

    test(`${client}: a server that is not there is the code of its error`, async () => {
      await send(await freePort(), '/', new AbortController().signal);
      assert.deepEqual(await outcome(), ['ECONNREFUSED', undefined]);
    });
  }

  test('methods that are known are a setting, for node:http and fetch', async () => {
    running.stop();
    running = instrumentHttpClient({ meter: metrics.meter, knownMethods: ['PROPFIND'] });
    server.removeAllListeners('request').on('request', (_request, response) => response.end());
    await once(get({ host: '127.0.0.1', port, method: 'PROPFIND', agent: false }).end(), 'response');
    await (await fetch(`http://127.0.0.1:${port}`, { method: 'PROPFIND' })).text();
    await (await fetch(`http://127.0.0.1:${port}`)).text();
    for (;;) {
      const points = await metrics.points(DURATION);
      const counts = points.map(({ value }) => (typeof value === 'object' ? value.count : 0));
      if (counts.reduce((sum, count) => sum + count, 0) >= 3) {
        const methods = points.map(({ attributes }) => String(attributes['http.request.method']));
        assert.deepEqual(methods.toSorted(), ['PROPFIND', 'PROPFIND', '_OTHER']);
        return;
      }
      await delay(5);
    }
  });
});
