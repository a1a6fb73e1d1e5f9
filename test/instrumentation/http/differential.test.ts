/**
 * The same traffic, measured by OpenTelemetry's instrumentation-http and by ours in one process; docs/instruments.md lists
 * the differences that are meant. `http.route` is ours alone here: instrumentation-http learns it from span plugins.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type * as Http from 'node:http';
import type * as Https from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { asyncProperty, assert as check, constantFrom, record, boolean, array } from 'fast-check';

import { instrumentHttpClient } from '../../../src/instrumentation/http/client/client.js';
import { instrumentHttpServer } from '../../../src/instrumentation/http/server/server.js';
import type { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { makeCertificates } from '../../helpers/certificates.js';
import { CollectedMetrics } from '../collected-metrics.js';
import { openSocket, signal } from './http-traffic.js';

const BODY = 'payload';
const SERVER = 'http.server.request.duration';
const CLIENT = 'http.client.request.duration';

const theirs = new CollectedMetrics();
const ours = new CollectedMetrics();
const upstream = new HttpInstrumentation();
upstream.setMeterProvider(theirs.provider);
// Loaded after the instrumentation, which patches what it sees being required.
const load = createRequire(__filename);
const { Agent, createServer, request: send } = load('node:http') as typeof Http;

const running: Instrumentation[] = [];
const agents = { keepAlive: new Agent({ keepAlive: true }), close: new Agent() };
const server = createServer((request, response) => {
  const status = Number(request.headers['x-status']);
  response.statusCode = status;
  request.resume();
  if (request.headers['x-cut'] === 'yes') {
    response.setHeader('content-length', 100);
    response.write('half');
    setImmediate(() => response.destroy());
    return;
  }
  if (request.headers['x-late'] === 'yes') setImmediate(() => response.end('x'));
  else response.end(status === 204 || status === 304 ? undefined : 'x');
});

before(async () => {
  running.push(
    instrumentHttpServer({ meter: ours.meter, maxNormalizedRoutes: 0 }),
    instrumentHttpClient({ meter: ours.meter }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(async () => {
  for (const each of running) each.stop();
  upstream.disable();
  agents.keepAlive.destroy();
  server.close();
  server.closeAllConnections();
  await Promise.all([theirs.shutdown(), ours.shutdown()]);
});

interface Sent {
  readonly method: string;
  readonly status: number;
  readonly keepAlive: boolean;
  readonly late: boolean;
  readonly body: boolean;
}

async function exchange({ method, status, keepAlive, late, body }: Sent, cut = false): Promise<void> {
  const { port } = server.address() as AddressInfo;
  const headers = {
    'x-status': status,
    'x-late': late ? 'yes' : 'no',
    'x-cut': cut ? 'yes' : 'no',
    ...(body && { 'content-length': BODY.length }),
  };
  const agent = keepAlive ? agents.keepAlive : agents.close;
  const request = send({ host: '127.0.0.1', port, method, path: '/a?b', headers, agent });
  request.on('response', (response) => {
    response.on('error', () => undefined);
    response.resume();
  });
  request.on('error', () => undefined);
  request.end(body ? BODY : undefined);
  await new Promise((resolve) => {
    request.on('close', resolve);
  });
}

let expected = 0;
/** Requests that no client of this process sent. */
let expectedOnServer = 0;

/** Both sides have recorded everything, on server and client. */
async function settled(metrics: CollectedMetrics, name: string): Promise<Record<string, number>> {
  for (;;) {
    const series = await metrics.series(name);
    const count = Object.values(series).reduce((sum, each) => sum + each, 0);
    if (count >= expected + (name === SERVER ? expectedOnServer : 0)) return series;
    await delay(5);
  }
}

test('several hundred generated requests: the same series, the same counts', async () => {
  const requests = array(
    record({
      method: constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND', 'TRACE'),
      status: constantFrom(200, 201, 204, 206, 301, 304, 400, 401, 404, 418, 429, 500, 503, 599),
      keepAlive: boolean(),
      late: boolean(),
      body: boolean(),
    }),
    { minLength: 10, maxLength: 20 },
  );
  await check(
    asyncProperty(requests, async (batch) => {
      await Promise.all(batch.map((each) => exchange(each)));
      expected += batch.length;
      assert.deepEqual(await settled(ours, SERVER), await settled(theirs, SERVER));
      assert.deepEqual(await settled(ours, CLIENT), await settled(theirs, CLIENT));
    }),
    // Counts go on from one run to the next, so that there is nothing to shrink.
    { numRuns: 40, endOnFailure: true, includeErrorInReport: true },
  );
  assert.ok(expected >= 400);
  const [mine] = await ours.points(SERVER);
  assert.ok(mine !== undefined);
  const descriptors = await Promise.all(
    [ours, theirs].map(async (metrics) =>
      (await metrics.all()).filter(
        ({ descriptor }) => descriptor.name === SERVER || descriptor.name === CLIENT,
      ),
    ),
  );
  const [left = [], right = []] = descriptors.map((found) =>
    found
      .map(({ descriptor: { name, unit, description } }) => ({ name, unit, description }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
  assert.deepEqual(left, right);
  assert.deepEqual(
    (await ours.histogram(SERVER)).buckets.boundaries,
    (await theirs.histogram(SERVER)).buckets.boundaries,
  );
  assert.deepEqual(
    (await ours.histogram(CLIENT)).buckets.boundaries,
    (await theirs.histogram(CLIENT)).buckets.boundaries,
  );
});

test('pipelined requests', async () => {
  const { port } = server.address() as AddressInfo;
  const socket = await openSocket(port);
  const methods = ['GET', 'DELETE', 'GET', 'OPTIONS', 'GET'];
  socket.write(
    methods
      .map((method) => `${method} /p HTTP/1.1\r\nHost: a\r\nX-Status: 200\r\nX-Late: yes\r\n\r\n`)
      .join(''),
  );
  expectedOnServer += methods.length;
  const series = await settled(ours, SERVER);
  assert.deepEqual(series, await settled(theirs, SERVER));
  socket.destroy();
});

test('TLS', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'orchestrator-tls-'));
  context.after(() => rm(directory, { recursive: true }));
  const { ca, serverCert, serverKey } = await makeCertificates(directory);
  const [key, cert, authority] = await Promise.all([serverKey, serverCert, ca].map((file) => readFile(file)));
  const { createServer: createTlsServer, request: sendTls } = load('node:https') as typeof Https;
  const secure = createTlsServer({ key, cert }, (_request, response) => response.writeHead(503).end());
  context.after(() => secure.close());
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const { port } = secure.address() as AddressInfo;
  const request = sendTls({ host: '127.0.0.1', port, ca: authority, agent: false });
  request.on('response', (response) => response.resume());
  request.end();
  await once(request, 'close');
  expected++;
  const series = await settled(ours, SERVER);
  assert.ok(Object.keys(series).some((each) => each.includes('url.scheme=https')));
  assert.deepEqual(series, await settled(theirs, SERVER));
  assert.deepEqual(await settled(ours, CLIENT), await settled(theirs, CLIENT));
});

test('a response that is cut off: ours says so, on both sides', async () => {
  const known = await settled(ours, SERVER);
  await exchange({ method: 'GET', status: 206, keepAlive: false, late: false, body: false }, true);
  expected++;
  const added = (series: Record<string, number>): string[] =>
    Object.keys(series).filter((key) => !(key in known));
  assert.deepEqual(added(await settled(ours, SERVER)), [
    'error.type=aborted,http.request.method=GET,http.response.status_code=206,network.protocol.version=1.1,url.scheme=http',
  ]);
  const client = Object.keys(await settled(ours, CLIENT)).filter((key) => key.includes('ECONNRESET'));
  assert.equal(client.length, 1);
});

test('a server that is not there', async () => {
  const request = send({ host: '127.0.0.1', port: 1, path: '/' });
  request.end();
  const [error] = await once(request, 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  expected++;
  const refused = 'http.request.method=GET,server.address=127.0.0.1,server.port=1';
  assert.equal((await settled(ours, CLIENT))[`error.type=ECONNREFUSED,${refused}`], 1);
  // instrumentation-http names the class, which for Node's own errors is always this one.
  assert.equal((await settled(theirs, CLIENT))[`error.type=Error,${refused}`], 1);
});

/** One row of the table in docs/instruments.md: what each side makes of it. */
interface Difference {
  readonly prepare: (server: Http.Server) => void;
  /** Resolves when the server is done with it. */
  readonly send: (socket: Socket, server: Http.Server) => Promise<unknown>;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

const COMMON = 'network.protocol.version=1.1,url.scheme=http';
const OK = `http.request.method=GET,http.response.status_code=200,${COMMON}`;
const ABORTED = `error.type=aborted,http.request.method=GET,${COMMON}`;
/** Node 24 tells a response that waits for another one that its connection has closed. */
const CLOSES_PIPELINED = Number(process.versions.node.split('.')[0]) >= 24;
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const DIFFERENCES: Record<string, Difference> = {
  'a client that leaves before the answer': {
    prepare: () => undefined,
    send: async (socket, own) => {
      socket.write(GET);
      const [, response] = (await once(own, 'request')) as [unknown, Http.ServerResponse];
      socket.destroy();
      await once(response, 'close');
    },
    ours: [ABORTED],
    theirs: [OK],
  },
  'pipelined requests whose connection closes': {
    prepare: () => undefined,
    send: async (socket, own) => {
      const waiting: Http.ServerResponse[] = [];
      const arrived = signal();
      own.on('request', (_request, response) => {
        if (waiting.push(response) === 2) arrived.give();
      });
      socket.write(GET + GET);
      await arrived.given;
      socket.destroy();
      await once(waiting[0] ?? own, 'close');
    },
    ours: [ABORTED, ABORTED],
    theirs: CLOSES_PIPELINED ? [OK, OK] : [OK],
  },
  'a listener for checkContinue': {
    prepare: (own) =>
      own.on('checkContinue', (_request: unknown, response: Http.ServerResponse) => response.end('x')),
    send: (socket) => {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n');
      return once(socket, 'data');
    },
    ours: [OK],
    theirs: [],
  },
  'a request without Host': {
    prepare: (own) => own.on('request', (_request, response) => response.end()),
    send: (socket) => {
      socket.write('GET / HTTP/1.1\r\n\r\n');
      return once(socket, 'data');
    },
    ours: [`http.request.method=GET,http.response.status_code=400,${COMMON}`],
    theirs: [],
  },
  'a listener that throws, and no answer': {
    prepare: (own) => {
      own.on('request', () => {
        throw new TypeError('expected');
      });
      // In the place of an application that handles `uncaughtException`.
      const emit = own.emit.bind(own) as (...args: unknown[]) => boolean;
      own.emit = (...args: unknown[]) => {
        try {
          return emit(...args);
        } catch {
          return own.emit('thrown', args[2]);
        }
      };
    },
    send: async (socket, own) => {
      socket.write(GET);
      const [response] = (await once(own, 'thrown')) as [Http.ServerResponse];
      socket.destroy();
      await once(response, 'close');
    },
    ours: [ABORTED],
    // The 200 comes with the end of the connection, into attributes that were recorded before.
    theirs: [`error.type=TypeError,${OK}`],
  },
  'a write after the end': {
    prepare: (own) =>
      own.on('request', (_request, response) => {
        response.on('error', () => undefined);
        response.end('x');
        response.write('y');
      }),
    send: (socket) => {
      socket.write(GET);
      return once(socket, 'data');
    },
    ours: [OK],
    theirs: [`error.type=Error,http.request.method=GET,${COMMON}`],
  },
};

for (const [name, { prepare, send: request, ours: mine, theirs: other }] of Object.entries(DIFFERENCES)) {
  test(`meant to differ: ${name}`, async () => {
    const added = await grown(SERVER, async () => {
      const own = createServer();
      prepare(own);
      own.listen(0, '127.0.0.1');
      await once(own, 'listening');
      const socket = await openSocket((own.address() as AddressInfo).port);
      await request(socket, own);
      socket.destroy();
      own.close();
      await once(own, 'close');
    });
    assert.deepEqual(added, [mine, other]);
  });
}

test('meant to differ: the port of a client with a Host header of its own', async () => {
  const { port } = server.address() as AddressInfo;
  const added = await grown(CLIENT, async () => {
    const headers = { 'x-status': 200, host: 'shop.example:8080' };
    const request = send({ host: '127.0.0.1', port, headers, agent: false });
    request.on('response', (response) => response.resume());
    request.end();
    await once(request, 'close');
  });
  const series = (announced: number): string =>
    `http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,server.address=127.0.0.1,server.port=${announced}`;
  assert.deepEqual(added, [[series(8080)], [series(port)]]);
});

/** The series of both sides that grew while `action` ran, as often as they grew. */
async function grown(name: string, action: () => Promise<void>): Promise<string[][]> {
  const look = (): Promise<Array<Record<string, number>>> =>
    Promise.all([ours, theirs].map((metrics) => metrics.series(name)));
  const earlier = await look();
  await action();
  const later = await look();
  return later.map((side, index) =>
    Object.entries(side).flatMap(([series, count]) =>
      Array.from({ length: count - (earlier[index]?.[series] ?? 0) }, () => series),
    ),
  );
}
