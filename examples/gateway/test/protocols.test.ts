import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { WebSocket, WebSocketServer } from 'ws';

import { makeCertificates } from './helpers/certificates.js';
import { eventually } from './helpers/eventually.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { answer, type Handler, TestUpstream } from './helpers/upstream.js';

describe('an upstream with HTTP/2 and TLS', () => {
  let server: Http2SecureServer;
  let gateway: InProcess;
  const certificates = makeCertificates();

  before(async () => {
    server = createSecureServer(
      {
        cert: readFileSync(certificates.serverCert),
        key: readFileSync(certificates.serverKey),
        ca: readFileSync(certificates.ca),
        requestCert: true,
        rejectUnauthorized: true,
        allowHTTP1: true,
      },
      (request, response) => {
        response.setHeader('x-version', request.httpVersion);
        (answer() as unknown as (a: unknown, b: unknown) => void)(request, response);
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const targets = [{ url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }];
    const tls = {
      caFile: certificates.ca,
      certFile: certificates.clientCert,
      keyFile: certificates.clientKey,
    };
    gateway = await startInProcess({
      upstreams: { two: { targets, tls, http2: true }, one: { targets, tls }, stranger: { targets } },
      routes: ['one', 'two', 'stranger'].map((name) => ({
        name,
        path: `/${name}`,
        upstream: name,
        timeoutMs: 20_000,
        retry: { count: 0 },
      })),
    });
  });
  after(async () => {
    await gateway.stop();
    server.close();
  });

  it('speaks HTTP/2 if it is offered, with our certificate', async () => {
    const response = await fetch(`${gateway.url}/two`, { method: 'POST', body: 'hello' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-version'), '2.0');
    assert.equal(((await response.json()) as { body: string }).body, 'hello');
  });

  it('speaks HTTP/1.1 otherwise', async () => {
    const response = await fetch(`${gateway.url}/one`);
    assert.equal(response.headers.get('x-version'), '1.1');
    await response.arrayBuffer();
  });

  it('is not believed without its authority', async () => {
    const response = await fetch(`${gateway.url}/stranger`);
    assert.equal(response.status, 502);
    await response.arrayBuffer();
  });
});

describe('WebSocket', () => {
  let service: TestUpstream;
  let sockets: WebSocketServer;
  let gateway: InProcess;

  before(async () => {
    service = await TestUpstream.start();
    sockets = new WebSocketServer({ server: service.server });
    sockets.on('connection', (socket, request) => {
      socket.send(
        JSON.stringify({
          url: request.url,
          key: request.headers['x-api-key'],
          from: request.headers['x-forwarded-for'],
        }),
      );
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    gateway = await startInProcess(
      {
        auth: {
          apiKeys: [
            { id: 'demo', sha256: '61f9d3d1eb1cd9e4c9a5ee5ed0bf6b04df5ce95b2ac2bd4ebdfb2cf4d1c1aafe' },
          ],
        },
        routes: [
          { name: 'chat', path: '/chat/*', upstream: 'chat', websocket: true },
          { name: 'closed', path: '/closed', upstream: 'chat', websocket: true, access: { any: ['apiKey'] } },
          { name: 'plain', path: '/plain', upstream: 'chat' },
        ],
      },
      { SERVICE_CHAT_BASE_URL: service.url },
    );
  });
  after(async () => {
    await gateway.stop();
    sockets.close();
    await service.stop();
  });
  const open = (path: string): WebSocket => new WebSocket(gateway.url.replace('http', 'ws') + path);
  const refusal = async (path: string): Promise<number> => {
    const socket = open(path);
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    return response.statusCode;
  };

  it('passes through, in both directions', async () => {
    const socket = open('/chat/room?x=1');
    const [greeting] = (await once(socket, 'message')) as [Buffer];
    assert.deepEqual(JSON.parse(greeting.toString()), { url: '/chat/room?x=1', from: '127.0.0.1' });
    for (const text of ['one', 'two'.repeat(50_000)]) {
      socket.send(text);
      const [echo] = (await once(socket, 'message')) as [Buffer];
      assert.equal(echo.toString(), text);
    }
    socket.close();
    await once(socket, 'close');
    await eventually(() => assert.equal(sockets.clients.size, 0));
  });

  it('is refused where the route does not allow it, or asks for a key', async () => {
    assert.equal(await refusal('/plain'), 426);
    assert.equal(await refusal('/closed'), 401);
    assert.equal(await refusal('/nowhere'), 404);
  });

  it('leaves ordinary requests of the same route alone', async () => {
    service.handler = answer() satisfies Handler;
    assert.equal((await fetch(`${gateway.url}/chat/room`)).status, 200);
  });
});
