import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, get, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, get as getHttps } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';

import fastify from 'fastify';

import { serveOnApplication } from '../../src/server/app-endpoint.js';
import { makeCertificates } from '../helpers/certificates.js';
import type { Owner } from '../helpers/owner.js';
import { read } from '../helpers/raw-request.js';
import { scratchDir } from '../helpers/scratch.js';

/** The package has no types of its own; this is what the test uses of it. */
const express = createRequire(__filename)('express') as () => RequestListener & {
  get(path: string, handler: RequestListener): void;
};

const undo: Array<() => unknown> = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

function begin(isOwnServer: (server: object) => boolean = () => false): void {
  undo.push(
    serveOnApplication('/metrics', (_request, response) => void response.end('exposition'), isOwnServer),
  );
}

async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  undo.push(() => server.close());
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const text = async (url: string, method = 'GET'): Promise<string> => (await fetch(url, { method })).text();

describe('the path on the application’s own servers', () => {
  test('is answered before the application sees it; nothing else is', async () => {
    begin();
    const seen: string[] = [];
    const { url } = await listen((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end('application');
    });
    assert.equal(await text(`${url}/metrics`), 'exposition');
    assert.equal(await text(`${url}/metrics?a=b`), 'exposition');
    assert.equal(await text(`${url}/metrics/other`), 'application');
    assert.equal(await text(`${url}/metricsx`), 'application');
    assert.equal(await text(`${url}/metrics`, 'POST'), 'application');
    assert.deepEqual(seen, ['GET /metrics/other', 'GET /metricsx', 'POST /metrics']);
  });

  test('works on servers that were made before, and ends', async () => {
    const { url } = await listen((_request, response) => response.end('application'));
    assert.equal(await text(`${url}/metrics`), 'application');
    begin();
    assert.equal(await text(`${url}/metrics`), 'exposition');
    await undo.pop()?.();
    assert.equal(await text(`${url}/metrics`), 'application');
  });

  test('leaves our own server alone', async () => {
    const { server, url } = await listen((_request, response) => response.end('own'));
    begin((one) => one === server);
    assert.equal(await text(`${url}/metrics`), 'own');
  });

  for (const scheme of ['http', 'https'] as const) {
    test(`works over ${scheme} beside Express and Fastify, which do not notice`, async (t) => {
      begin();
      const tls = await tlsOf(t);
      const fetched = async (url: string): Promise<string> => {
        const outgoing =
          scheme === 'http' ? get(url, { agent: false }) : getHttps(url, { ca: tls.ca, agent: false });
        const [response] = await once(outgoing, 'response');
        return (await read(response)).toString();
      };
      const app = express();
      app.get('/hello', (_request, response) => void response.end('express'));
      app.get('/metrics', (_request, response) => void response.end('the route of the application'));
      const server = scheme === 'http' ? createServer(app) : createHttpsServer(tls, app);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      undo.push(() => server.close());
      const own = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
      assert.equal(await fetched(`${own}/metrics`), 'exposition');
      assert.equal(await fetched(`${own}/hello`), 'express');

      const hooks: string[] = [];
      const other = fastify({ https: scheme === 'https' ? tls : null });
      undo.push(() => other.close());
      other.addHook('onRequest', async ({ url }) => void hooks.push(url));
      other.get('/hello', async () => 'fastify');
      const url = await other.listen({ port: 0, host: '127.0.0.1' });
      assert.equal(await fetched(`${url}/metrics`), 'exposition');
      assert.equal(await fetched(`${url}/hello`), 'fastify');
      assert.deepEqual(hooks, ['/hello']);
    });
  }
});

async function tlsOf(owner: Owner): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
  const paths = await makeCertificates(scratchDir(owner, 'tls'));
  const [ca, cert, key] = await Promise.all(
    [paths.ca, paths.serverCert, paths.serverKey].map((path) => readFile(path)),
  );
  return { ca: ca as Buffer, cert: cert as Buffer, key: key as Buffer };
}
