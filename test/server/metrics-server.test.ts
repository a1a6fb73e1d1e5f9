import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import type { Snapshot } from '../../src/model/snapshot.js';
import { isOwnServer } from '../../src/own-traffic/own-traffic.js';
import { eventually } from '../helpers/eventually.js';
import { ask, open } from '../helpers/raw-request.js';
import { counter, series } from '../contract/bed.js';
import { codesOf, listening, openServer, snapshotOf, warningsOf } from './open-server.js';

describe('a route of the metrics server', () => {
  test('answers what it is for', async (t) => {
    const { port } = await listening(t);
    const replies = await Promise.all(
      ['/metrics', '/metrics?name=x', '/healthz', '/readyz', '/health', '/', '/other', '/metrics/', '//'].map(
        async (path) => {
          const { status, headers } = await ask(port, { path });
          return [path, status, headers['content-type']];
        },
      ),
    );
    assert.deepEqual(replies, [
      ['/metrics', 200, 'text/plain; version=0.0.4; charset=utf-8'],
      ['/metrics?name=x', 200, 'text/plain; version=0.0.4; charset=utf-8'],
      ['/healthz', 200, 'text/plain; charset=utf-8'],
      ['/readyz', 200, 'text/plain; charset=utf-8'],
      ['/health', 200, 'application/json'],
      ['/', 200, 'text/plain; charset=utf-8'],
      ['/other', 404, 'text/plain; charset=utf-8'],
      ['/metrics/', 404, 'text/plain; charset=utf-8'],
      ['//', 404, 'text/plain; charset=utf-8'],
    ]);
    assert.match((await ask(port)).body.toString(), /^c_total 1$/m);
  });

  test('refuses other methods, and answers HEAD like GET without a body', async (t) => {
    const { port } = await listening(t);
    for (const path of ['/metrics', '/healthz', '/readyz', '/']) {
      const got = await ask(port, { path });
      const head = await ask(port, { path, method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.body.length, 0);
      assert.equal(head.headers['content-type'], got.headers['content-type']);
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const refused = await ask(port, { path, method });
        assert.equal(refused.status, 405);
        assert.equal(refused.headers.allow, 'GET, HEAD');
      }
    }
    const wipe = await ask(port, { path: '/wipe-metrics' });
    assert.deepEqual([wipe.status, wipe.headers.allow], [405, 'POST']);
  });

  test('reads several Accept headers as one', async (t) => {
    const { port } = await listening(t);
    const Accept = ['application/json', 'text/plain;q=0.5', 'application/openmetrics-text;version=1.0.0'];
    const { headers } = await ask(port, { headers: { Accept } });
    assert.match(headers['content-type'] ?? '', /^application\/openmetrics-text; version=1\.0\.0;/);
  });

  test('is packed for who accepts gzip', async (t) => {
    const { port } = await listening(t);
    const plain = await ask(port, { headers: { 'Accept-Encoding': 'gzip;q=0' } });
    const zipped = await ask(port, { headers: { 'Accept-Encoding': 'br, gzip' } });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    assert.match(String(zipped.headers.vary), /Accept-Encoding/);
  });

  test('at / is text that says what there is, and the page for a browser', async (t) => {
    const { port } = await listening(t, { path: '/internal/metrics' });
    const text = (await ask(port, { path: '/' })).body.toString();
    assert.match(text, /^Metrics of shop: /);
    assert.match(text, /^\/internal\/metrics +for Prometheus$/m);
    const { headers } = await ask(port, { path: '/', headers: { Accept: 'text/html,*/*;q=0.8' } });
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers.vary, 'Accept');
  });

  test('readyz says why it is not ready', async (t) => {
    const { port } = await listening(t, { notReady: () => 'The store is away.' });
    const { status, body } = await ask(port, { path: '/readyz' });
    assert.deepEqual([status, body.toString()], [503, 'The store is away.\n']);
    assert.equal((await ask(port, { path: '/healthz' })).status, 200);
  });
});

describe('a request that names a project', () => {
  test('is answered by that project only', async (t) => {
    const { port } = await listening(t);
    const statusOf = async (path: string): Promise<number> => (await ask(port, { path })).status;
    for (const path of [
      '/metrics?project=shop',
      '/metrics?project=Shop',
      '/metrics?a=b&project=shop',
      '/metrics?',
    ])
      assert.equal(await statusOf(path), 200, path);
    for (const path of ['/metrics?project=hr', '/health?project=hr', '/readyz?x&project=', '/?project=sho'])
      assert.equal(await statusOf(path), 421, path);
    const { body, headers } = await ask(port, { path: '/metrics?project=hr' });
    assert.match(
      body.toString(),
      /^The project "shop" answers here, not "hr"\. .*OTEL_EXPORTER_PROMETHEUS_PORT\.\n$/,
    );
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
  });
});

describe('a scrape', () => {
  test('of a store that cannot be read is a 503 with the reason, never a 200', async (t) => {
    const { port } = await listening(t, {
      read: () => Promise.reject(new Error('redis 127.0.0.1:1: gone\nsecond line')),
    });
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await ask(port, { method });
      assert.equal(status, 503);
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
      if (method === 'GET') assert.equal(body.toString(), 'redis 127.0.0.1:1: gone second line\n');
    }
  });

  test('shares the read of those that came while it was under way, and no older one', async (t) => {
    let reads = 0;
    const gate = new EventEmitter();
    const { port } = await listening(t, {
      read: async () => {
        reads += 1;
        const value = reads;
        await once(gate, 'open');
        return snapshotOf(value);
      },
    });
    const replies = Array.from({ length: 10 }, () => ask(port));
    // A request on a connection of its own comes after those, and is answered at once: all of them are there.
    await eventually(() => assert.equal(reads, 1));
    for (let round = 0; round < 3; round += 1) await ask(port, { path: '/healthz' });
    gate.emit('open');
    for (const { body } of await Promise.all(replies)) assert.match(body.toString(), /^c_total 1$/m);
    const next = ask(port);
    await eventually(() => assert.equal(reads, 2));
    gate.emit('open');
    assert.match((await next).body.toString(), /^c_total 2$/m);
  });

  test('is rendered once for all that accept the same format, and compressed once for those that accept gzip', async (t) => {
    const series3 = ['a', 'b', 'c'].map((id) => series({ id }));
    let rendered = 0;
    const counted: Snapshot = {
      resource: [],
      instances: 1,
      families: [
        {
          family: counter('c'),
          series: series3.map((one) => ({
            series: one,
            startMs: 1000,
            get values() {
              rendered += 1;
              return [1];
            },
          })),
        },
      ],
    };
    const gate = new EventEmitter();
    let reads = 0;
    const { port } = await listening(t, {
      read: async () => {
        reads += 1;
        await once(gate, 'open');
        return counted;
      },
    });
    const scrapes = async (count: number, headers: Record<string, string>): Promise<number> => {
      const [readsBefore, before] = [reads, rendered];
      const replies = Array.from({ length: count }, () => ask(port, { headers }));
      await eventually(() => assert.equal(reads, readsBefore + 1));
      for (let round = 0; round < 3; round += 1) await ask(port, { path: '/healthz' });
      gate.emit('open');
      const bodies = (await Promise.all(replies)).map(({ body }) => body);
      for (const body of bodies) assert.deepEqual(body, bodies[0]);
      return rendered - before;
    };
    const one = await scrapes(1, { 'Accept-Encoding': 'gzip' });
    assert.ok(one >= series3.length);
    assert.equal(await scrapes(10, { 'Accept-Encoding': 'gzip' }), one);
    assert.equal(await scrapes(10, {}), one);
  });

  test('of many pieces is the same, packed or not, for quick and slow scrapers and beside one that leaves', async (t) => {
    const large: Snapshot = {
      resource: [],
      instances: 1,
      families: [
        {
          family: counter('c'),
          series: Array.from({ length: 20_000 }, (_, id) => ({
            series: series({ id: `${id} ${'x'.repeat(50)}` }),
            startMs: 1000,
            values: [id],
          })),
        },
      ],
    };
    const { port } = await listening(t, { read: async () => large });
    const lines = Array.from({ length: 20_000 }, (_, id) => `c_total{id="${id} ${'x'.repeat(50)}"} ${id}`);
    const linesOf = (body: Buffer): string[] =>
      body
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('c_total{'));
    const leaving = request({ host: '127.0.0.1', port, path: '/metrics', agent: false });
    leaving.on('error', () => undefined);
    leaving.on('response', (response) => response.once('data', () => leaving.destroy()));
    leaving.end();
    const slow = async (): Promise<Buffer> => {
      const pieces: Buffer[] = [];
      for await (const piece of await open(port)) {
        pieces.push(piece as Buffer);
        await new Promise(setImmediate);
      }
      return Buffer.concat(pieces);
    };
    const zip = { headers: { 'Accept-Encoding': 'gzip' } };
    const [plain, first, second, slowly] = await Promise.all([
      ask(port),
      ask(port, zip),
      ask(port, zip),
      slow(),
    ]);
    for (const body of [plain.body, gunzipSync(first.body), gunzipSync(second.body), slowly])
      assert.deepEqual(linesOf(body), lines);
  });

  test('is answered before the scraper gives up', async (t) => {
    const { port } = await listening(t, { read: () => new Promise(() => undefined) });
    const { status, body } = await ask(port, {
      headers: { 'X-Prometheus-Scrape-Timeout-Seconds': '0.2' },
    });
    assert.equal(status, 503);
    assert.match(body.toString(), /not read within 180 ms/);
  });

  test('that is given up by the scraper harms nobody', async (t) => {
    const gate = new EventEmitter();
    let reads = 0;
    const { port } = await listening(t, {
      read: async () => {
        reads += 1;
        await once(gate, 'open');
        return snapshotOf(1);
      },
    });
    const outgoing = request({ host: '127.0.0.1', port, path: '/metrics', agent: false });
    outgoing.on('error', () => undefined);
    outgoing.end();
    await eventually(() => assert.equal(reads, 1));
    outgoing.destroy();
    gate.emit('open');
    // The next read, if there is one, finds the gate shut again.
    const opening = setInterval(() => gate.emit('open'), 10);
    t.after(() => clearInterval(opening));
    assert.equal((await ask(port)).status, 200);
  });
});

const wipe = (port: number, authorization?: string) =>
  ask(port, {
    path: '/wipe-metrics',
    method: 'POST',
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });

describe('wiping', () => {
  test('is off without a token', async (t) => {
    const { port } = await listening(t, { wipe: () => assert.fail('it must not wipe') });
    assert.equal((await wipe(port)).status, 403);
    assert.equal((await wipe(port, 'Bearer undefined')).status, 403);
  });

  test('needs the token, and nothing but the token', async (t) => {
    let wiped = 0;
    const { port } = await listening(t, {
      settings: { wipeToken: 'secret' },
      wipe: async () => {
        wiped += 1;
      },
    });
    for (const wrong of [
      undefined,
      '',
      'secret',
      'Bearer',
      'Bearer wrong',
      'Bearer secret2',
      'Basic c2VjcmV0',
    ])
      assert.equal((await wipe(port, wrong)).status, 401, wrong);
    assert.equal(wiped, 0);
    const { status, body } = await wipe(port, 'Bearer secret');
    assert.deepEqual([status, body.toString(), wiped], [200, 'All metrics of "shop" are deleted.\n', 1]);
  });

  test('is for no page of another origin, for no form, and never done by GET', async (t) => {
    let wiped = 0;
    const { port } = await listening(t, {
      settings: { wipeToken: 'secret' },
      wipe: async () => {
        wiped += 1;
      },
    });
    const post = (headers: Record<string, string>, method = 'POST') =>
      ask(port, { path: '/wipe-metrics', method, headers: { Authorization: 'Bearer secret', ...headers } });
    for (const Origin of [
      'https://evil.example',
      'null',
      `https://127.0.0.1:${port}.evil.example`,
      'http://127.0.0.1:1',
    ])
      assert.equal((await post({ Origin })).status, 403, Origin);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'])
      assert.equal((await post({ 'Content-Type': type, 'Transfer-Encoding': 'chunked' })).status, 415, type);
    assert.equal((await post({ 'Transfer-Encoding': 'chunked' })).status, 415);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'])
      assert.equal((await post({}, method)).status, 405, method);
    assert.equal(wiped, 0);
    for (const headers of [
      {},
      { Origin: `http://127.0.0.1:${port}` },
      { 'Content-Length': '0', 'Content-Type': 'text/plain' },
      { 'Content-Type': 'application/json; charset=utf-8', 'Transfer-Encoding': 'chunked' },
    ])
      assert.equal((await post(headers as Record<string, string>)).status, 200);
    assert.equal(wiped, 4);
  });

  test('has a token of its own, which opens nothing else', async (t) => {
    let wiped = 0;
    const { port } = await listening(t, {
      settings: { metricsToken: ['reader'], wipeToken: 'wiper' },
      wipe: async () => {
        wiped += 1;
      },
    });
    assert.equal((await wipe(port, 'Bearer reader')).status, 401);
    assert.equal((await ask(port, { headers: { Authorization: 'Bearer wiper' } })).status, 401);
    assert.equal(wiped, 0);
    assert.equal((await wipe(port, 'Bearer wiper')).status, 200);
    assert.equal(wiped, 1);
  });

  test('that fails says so', async (t) => {
    const { port } = await listening(t, {
      settings: { wipeToken: 'secret' },
      wipe: () => Promise.reject(new Error('the store is away')),
    });
    const { status, body } = await wipe(port, 'Bearer secret');
    assert.deepEqual([status, body.toString()], [503, 'the store is away\n']);
  });
});

describe('the address of the metrics server', () => {
  test('that must not be opened costs one warning', async (t) => {
    const server = openServer(t, { host: '192.0.2.1', port: 9464 });
    server.listen();
    await eventually(() =>
      assert.match(warningsOf(server)[0] ?? '', /cannot listen: .*OTEL_EXPORTER_PROMETHEUS_HOST/),
    );
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_CANNOT_LISTEN']);
  });

  test('is asked for at localhost and at IPv6 too', async (t) => {
    for (const host of ['localhost', '::1']) {
      const { server } = await listening(t, { host });
      const reply = await fetch(server.url ?? '');
      assert.equal(reply.status, 200);
      await reply.text();
    }
  });

  test('is told from a server of the application', async (t) => {
    const own: boolean[] = [];
    const onRequest = (message: unknown): void =>
      void own.push(isOwnServer((message as { server: object }).server));
    subscribe('http.server.request.start', onRequest);
    t.after(() => unsubscribe('http.server.request.start', onRequest));
    const foreign = createServer((_request, response) => response.end());
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    t.after(() => foreign.close());
    const { server, port } = await listening(t);
    await ask(port, { path: '/healthz' });
    await ask((foreign.address() as AddressInfo).port, { path: '/' });
    assert.deepEqual(own, [true, false]);
    await server.close();
    await assert.rejects(ask(port, { path: '/healthz' }));
  });
});
