import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MetricsServer } from '../../../src/server/metrics-server.js';
import { makeCertificates } from '../../helpers/certificates.js';
import { eventually } from '../../helpers/eventually.js';
import { hangingServer } from '../../helpers/hanging-server.js';
import type { Owner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { ask } from '../../helpers/raw-request.js';
import { scratchDir } from '../../helpers/scratch.js';
import { codesOf, listening, openServer, portOf, warningsOf } from '../open-server.js';

/** More than any takeover takes: what has not happened by then does not happen. */
const LONG_MS = 2500;

/** A server of a process that is not ours; before any server of ours is made it is nobody's business. */
async function program(owner: Owner, port: number, answer: RequestListener): Promise<Server> {
  const server = createHttpServer(answer);
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function ended(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

describe('a port that a process of the same project has', { concurrency: true }, () => {
  test('is taken over when that one ends, without a word', async (t) => {
    const port = await freePort();
    const { server: first } = await listening(t, { port });
    const second = openServer(t, { port });
    second.listen();
    await eventually(() => assert.equal(second.url, undefined));
    assert.equal((await ask(port, { path: '/healthz' })).headers['x-orchestrator-project'], 'shop');
    await first.close();
    assert.equal(await portOf(second), port);
    assert.equal((await ask(port)).status, 200);
    assert.deepEqual([...warningsOf(first), ...warningsOf(second)], []);
  });

  test('is taken over by one of many, time and again', async (t) => {
    const port = await freePort();
    const { server: first } = await listening(t, { port });
    const others = Array.from({ length: 12 }, () => openServer(t, { port }));
    for (const other of others) other.listen();
    let serving: MetricsServer = first;
    for (let round = 0; round < 3; round += 1) {
      await serving.close();
      serving = await eventually(() => {
        const now = others.filter(({ url }) => url !== undefined);
        assert.equal(now.length, 1);
        return now[0] as MetricsServer;
      });
      assert.equal((await ask(port)).status, 200);
      others.splice(others.indexOf(serving), 1);
      assert.deepEqual(warningsOf(serving), []);
    }
  });

  test('is waited for without questions', async (t) => {
    const port = await freePort();
    let asked = 0;
    await program(t, port, (_request, response) => {
      asked += 1;
      response.setHeader('x-orchestrator-project', 'shop').end('ok');
    });
    const server = openServer(t, { port });
    server.listen();
    await eventually(() => assert.equal(asked, 1));
    await sleep(LONG_MS);
    assert.equal(asked, 1);
    assert.deepEqual(warningsOf(server), []);
  });

  test('is taken over from a process too slow to answer when that one ends; a silent one is reported, but as nobody', async (t) => {
    const port = await freePort();
    let answer = (): void => undefined;
    const slow = await program(t, port, (_request, response) => {
      answer = () => void response.setHeader('x-orchestrator-project', 'shop').end('ok');
    });
    const server = openServer(t, { port, patienceMs: 100 });
    server.listen();
    await eventually(() => assert.equal(warningsOf(server).length, 1));
    assert.match(
      warningsOf(server)[0] ?? '',
      new RegExp(`^Port ${port} is taken by a process that does not answer,.*"shop"`),
    );
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_PORT_SILENT']);
    answer();
    await ended(slow);
    assert.equal(await portOf(server), port);
    assert.equal(warningsOf(server).length, 1);
  });

  test('but sums in another store, is reported once with both stores', async (t) => {
    const port = await freePort();
    const { server: first } = await listening(t, { port, store: 'local /tmp/ü' });
    const second = openServer(t, { port, store: 'redis 10.0.0.1:6379' });
    const same = openServer(t, { port, store: 'local /tmp/ü' });
    for (const server of [second, same]) server.listen();
    await eventually(() => assert.equal(warningsOf(second).length, 1));
    assert.match(
      warningsOf(second)[0] ?? '',
      new RegExp(
        `^Process ${process.pid} serves "shop" on port ${port} from the store local /tmp/ü; ` +
          'this process writes to the store redis 10.0.0.1:6379,.*ORCHESTRATOR_REDIS_URL',
      ),
    );
    assert.deepEqual(codesOf(second), ['ORCHESTRATOR_STORES_DIFFER']);
    await first.close();
    await eventually(() => assert.ok(second.url !== undefined || same.url !== undefined));
    await sleep(LONG_MS);
    assert.equal(warningsOf(second).length, 1);
    assert.ok(warningsOf(same).length <= 1);
  });

  test('is the same store under another name of the loopback', async (t) => {
    const port = await freePort();
    await listening(t, { port, store: 'redis localhost:6379' });
    const second = openServer(t, { port, store: 'redis 127.0.0.1:6379' });
    second.listen();
    await sleep(LONG_MS);
    assert.deepEqual(warningsOf(second), []);
  });
});

describe('a port in other hands', { concurrency: true }, () => {
  test('is left to another project, which is named once, also when that one restarts', async (t) => {
    const port = await freePort();
    const { server: bakery } = await listening(t, { port, prefix: 'bakery', project: 'bakery' });
    const server = openServer(t, { port });
    server.listen();
    await eventually(() => assert.equal(warningsOf(server).length, 1));
    assert.match(
      warningsOf(server)[0] ?? '',
      new RegExp(`^Port ${port} belongs to the project "bakery".*"shop".*OTEL_EXPORTER_PROMETHEUS_PORT`),
    );
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_PORT_TAKEN']);
    await bakery.close();
    await sleep(LONG_MS);
    assert.equal(server.url, undefined);
    await listening(t, { port, prefix: 'bakery', project: 'bakery' });
    assert.equal(warningsOf(server).length, 1);
  });

  test('is left to a program that speaks HTTP', async (t) => {
    const port = await freePort();
    const other = await program(t, port, (_request, response) => response.end('hello'));
    const server = openServer(t, { port });
    server.listen();
    await eventually(() => assert.match(warningsOf(server)[0] ?? '', /belongs to another program/));
    await ended(other);
    await sleep(LONG_MS);
    assert.equal(server.url, undefined);
  });

  test('is left to a program that speaks something else', async (t) => {
    const port = await hangingServer(t, '-ERR unknown command\r\n');
    const server = openServer(t, { port });
    server.listen();
    await eventually(() => assert.match(warningsOf(server)[0] ?? '', /belongs to another program/));
  });

  test('is reported when a program does not answer', async (t) => {
    const port = await hangingServer(t);
    const server = openServer(t, { port, patienceMs: 50 });
    server.listen();
    await eventually(() => assert.deepEqual(codesOf(server), ['ORCHESTRATOR_PORT_SILENT']));
  });
});

describe("the application's own port", { concurrency: true }, () => {
  /** As an exporter of the application would: any error ends the process. */
  async function listen(owner: Owner, port: number, host?: string): Promise<Server> {
    const server = createServer((socket) => socket.end('of the application'));
    owner.after(() => void server.close());
    server.listen(port, host);
    await once(server, 'listening');
    return server;
  }

  for (const host of ['127.0.0.1', '0.0.0.0', undefined, 'localhost']) {
    test(`is given to it when it listens at ${host ?? 'all addresses'}, and stays with it`, async (t) => {
      const { server, port } = await listening(t);
      await ask(port);
      const application = await listen(t, port, host);
      assert.equal(server.url, undefined);
      assert.deepEqual(codesOf(server), ['ORCHESTRATOR_PORT_LEFT']);
      assert.deepEqual(warningsOf(server), [
        `The application listens on port ${port}, so the metrics server has left it. ` +
          'The metrics of "shop" are at /internal.',
      ]);
      await ended(application);
      server.listen();
      await sleep(LONG_MS);
      await ended(await listen(t, port, host));
      assert.equal(warningsOf(server).length, 1);
    });
  }

  test('is not asked for when the application had it first', async (t) => {
    const port = await freePort();
    const server = openServer(t, { port });
    const sockets: unknown[] = [];
    const application = await listen(t, port, '127.0.0.1');
    application.on('connection', (socket) => sockets.push(socket));
    server.listen();
    await sleep(LONG_MS);
    assert.deepEqual(sockets, []);
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_PORT_LEFT']);
  });

  test('is any other port too', async (t) => {
    const { server } = await listening(t);
    await listen(t, await freePort());
    await listen(t, 0);
    assert.notEqual(server.url, undefined);
    assert.deepEqual(warningsOf(server), []);
  });

  test('is free until the metrics server is told to listen, and after it was closed', async (t) => {
    const port = await freePort();
    const server = openServer(t, { port });
    await sleep(10);
    const { server: other } = await listening(t, { port, prefix: 'other' });
    await other.close();
    server.listen();
    server.listen();
    assert.equal(await portOf(server), port);
    await server.close();
    await server.close();
    server.listen();
    await listen(t, port, '127.0.0.1');
    assert.deepEqual(warningsOf(server), []);
  });
});

describe('a project with a token', { concurrency: true }, () => {
  const secret = { settings: { metricsToken: ['token'] } };
  const headers = { Authorization: 'Bearer token' };

  test('finds its own processes at the port without telling anyone else what it is', async (t) => {
    const port = await freePort();
    const { server: first } = await listening(t, { port, ...secret });
    const second = openServer(t, { port, settings: { metricsToken: ['the-next-one', 'token'] } });
    second.listen();
    const challenge = { 'x-orchestrator-challenge': 'x' };
    const { headers: told, body } = await ask(port, { path: '/healthz', headers: challenge });
    assert.doesNotMatch(`${JSON.stringify(told)} ${body.toString()}`, /shop|local|process"/);
    await first.close();
    assert.equal(await portOf(second), port);
    assert.equal((await ask(port, { headers })).status, 200);
    assert.deepEqual([...codesOf(first), ...codesOf(second)], []);
  });

  test('is warned of another store behind it', async (t) => {
    const port = await freePort();
    await listening(t, { port, ...secret });
    const second = openServer(t, { port, ...secret, store: 'redis 10.0.0.1:6379' });
    second.listen();
    await eventually(() => assert.deepEqual(codesOf(second), ['ORCHESTRATOR_STORES_DIFFER']));
    assert.doesNotMatch(warningsOf(second)[0] ?? '', /tmp/);
  });

  for (const [whose, settings] of [
    ['another token', { metricsToken: ['another'] }],
    ['no token', {}],
  ] as const) {
    test(`is waited for by a process with ${whose}, which says that it cannot know it`, async (t) => {
      const port = await freePort();
      const { server: first } = await listening(t, { port, ...secret });
      const second = openServer(t, { port, settings });
      second.listen();
      await eventually(() => assert.deepEqual(codesOf(second), ['ORCHESTRATOR_PORT_CLOSED']));
      await first.close();
      assert.equal(await portOf(second), port);
    });
  }

  test('takes over from a process that had none, and one over TLS from one without', async (t) => {
    const files = await makeCertificates(scratchDir(t, 'port'));
    const tls = { metricsTlsCert: files.serverCert, metricsTlsKey: files.serverKey };
    for (const [before, after] of [
      [{}, secret.settings],
      [{}, tls],
      [tls, {}],
      [tls, tls],
    ] as const) {
      const port = await freePort();
      const { server: first } = await listening(t, { port, settings: before });
      const second = openServer(t, { port, settings: after });
      second.listen();
      await sleep(LONG_MS);
      await first.close();
      assert.equal(await portOf(second), port);
      assert.deepEqual([...codesOf(first), ...codesOf(second)], []);
    }
  });
});
