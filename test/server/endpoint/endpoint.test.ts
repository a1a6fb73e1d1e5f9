import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type PeerCertificate } from 'node:tls';

import { type Certificates, makeCertificates } from '../../helpers/certificates.js';
import { eventually } from '../../helpers/eventually.js';
import type { Owner } from '../../helpers/owner.js';
import { ask, read } from '../../helpers/raw-request.js';
import { scratchDir } from '../../helpers/scratch.js';
import { codesOf, listening, openServer, portOf, warningsOf } from '../open-server.js';

/** Sends bytes, and returns all that came back until the server closed the connection. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (piece: Buffer) => (answer += piece.toString('latin1')));
  await once(socket, 'close');
  return answer;
}

const statuses = (answer: string): number[] =>
  Array.from(answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm), ([, status]) => Number(status));

describe('a request of a shape that two servers may read differently', () => {
  const SMUGGLED = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ';
  const chunked = `0\r\n\r\n${SMUGGLED}`;
  const SHAPES: Readonly<Record<string, string>> = {
    'with two lengths': `POST /wipe-metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    'with a length and chunks': `POST /wipe-metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${chunked.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    'with chunks and a length': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    'with an encoding that is none': `POST /wipe-metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n${chunked}`,
    'with chunks that are encoded twice': `POST /wipe-metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunked}`,
    'with a space before the colon': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length : ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    'with a header that goes on in the next line': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n${chunked}`,
    'with a bare carriage return': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: y\rContent-Length: 5\r\n\r\n${SMUGGLED}`,
    'with a null in a header': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n${SMUGGLED}`,
    'with a length that is signed': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: +${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    'with a length that is no number': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x10\r\n\r\n${SMUGGLED}`,
    'that reads and has a body': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    'that reads and has chunks': `GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    'with two hosts': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n${SMUGGLED}`,
    'without a host': `GET /healthz HTTP/1.1\r\n\r\n${SMUGGLED}`,
    'with two authorizations': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n${SMUGGLED}`,
    'for a whole URL': `GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`,
    'for everything': `OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`,
    'for a tunnel': `CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`,
    'of another protocol': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`,
    'of no protocol at all': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  };

  for (const [shape, bytes] of Object.entries(SHAPES)) {
    test(`${shape}, is refused, and its connection with it`, async (t) => {
      const { port } = await listening(t, {
        settings: { wipeToken: 'wipe' },
        wipe: () => assert.fail('it must not wipe'),
      });
      const answer = await exchange(port, `${bytes}\r\n\r\n`);
      const [status = 400, ...others] = statuses(answer);
      assert.ok(status === 400 || status === 413, answer);
      assert.deepEqual(others, [], answer);
      assert.equal((await ask(port, { path: '/healthz' })).status, 200);
    });
  }
});

describe('what a request may take', () => {
  test('is bounded in header bytes and lines, in its target and in its body', async (t) => {
    const { port } = await listening(t, { settings: { wipeToken: 'wipe' } });
    const get = (headers: string, target = '/healthz'): string =>
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
    const lines = (count: number): string =>
      Array.from({ length: count }, (_, line) => `x-${line}: y\r\n`).join('');
    assert.deepEqual(statuses(await exchange(port, get(lines(90)))), [200]);
    assert.deepEqual(statuses(await exchange(port, get(lines(150)))), [431]);
    assert.deepEqual(statuses(await exchange(port, get(lines(20_000)))), [431]);
    assert.deepEqual(statuses(await exchange(port, get(`x: ${'y'.repeat(20_000)}\r\n`))), [431]);
    assert.deepEqual(statuses(await exchange(port, get('', `/${'y'.repeat(20_000)}`))), [431]);
    const large = await ask(port, {
      path: '/wipe-metrics',
      method: 'POST',
      headers: {
        Authorization: 'Bearer wipe',
        'Content-Length': '10000000',
        'Content-Type': 'application/json',
      },
    });
    assert.deepEqual([large.status, large.headers.connection], [413, 'close']);
  });

  test('is bounded in requests of one connection that wait', async (t) => {
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    const { port, access } = await listening(t, {
      read: () => gate.then(() => Promise.reject(new Error('x'))),
    });
    const refused: string[] = [];
    access.refusals.onRefused = (reason) => refused.push(reason);
    const all = exchange(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(500));
    await eventually(() => assert.ok(refused.length > 400, String(refused.length)));
    answer();
    const answers = statuses(await all);
    // The refusal of the ninth ends the connection.
    assert.deepEqual(answers, Array(9).fill(503));
    assert.deepEqual([...new Set(refused)], ['overload']);
  });

  test('is bounded whatever the application has chosen for itself', async (t) => {
    const { startProgram, PRELOAD } = await import('../../helpers/app-process.js');
    const { freePort } = await import('../../helpers/ports.js');
    const port = await freePort();
    const dir = scratchDir(t, 'lax');
    startProgram(
      t,
      process.execPath,
      [
        '--insecure-http-parser',
        '--max-http-header-size=1000000',
        '--require',
        PRELOAD,
        '--eval',
        'setInterval(() => 0, 1000)',
      ],
      { cwd: dir, env: { ORCHESTRATOR_LOCAL_DIR: dir, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) } },
    );
    await eventually(async () => assert.equal((await ask(port, { path: '/healthz' })).status, 200));
    const smuggled = `0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const both = `POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`;
    assert.deepEqual(statuses(await exchange(port, both)), [400]);
    const long = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(50_000)}\r\n\r\n`;
    assert.deepEqual(statuses(await exchange(port, long)), [431]);
  });
});

describe('the host that a request is for', () => {
  test('is checked on the loopback, for every path', async (t) => {
    const { port, server } = await listening(t, {
      settings: { metricsAllowedHosts: ['metrics.example.com'] },
    });
    for (const path of ['/metrics', '/healthz', '/readyz', '/health', '/', '/wipe-metrics']) {
      const { status, headers, body } = await ask(port, { path, headers: { Host: 'evil.example' } });
      assert.equal(status, 403, path);
      assert.match(body.toString(), /ORCHESTRATOR_METRICS_ALLOWED_HOSTS/);
      assert.equal(headers['x-orchestrator-project'], undefined);
    }
    for (const Host of ['localhost:9464', '127.0.0.1', '[::1]:1', 'metrics.example.com'])
      assert.equal((await ask(port, { headers: { Host } })).status, 200, Host);
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_REQUESTS_REFUSED']);
    assert.match(warningsOf(server)[0] ?? '', /: host\.$/);
  });
});

describe('an address that others reach', () => {
  test('without credentials costs one warning, which says how to set them', async (t) => {
    const { server, port } = await listening(t, { host: '0.0.0.0' });
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_OPEN_TO_ALL']);
    assert.match(warningsOf(server)[0] ?? '', /ORCHESTRATOR_METRICS_TOKEN/);
    assert.equal((await ask(port, { headers: { Host: 'shop.example' } })).status, 200);
  });

  test('with credentials costs none, nor does the loopback', async (t) => {
    for (const [host, settings] of [
      ['0.0.0.0', { metricsToken: ['token'] }],
      ['0.0.0.0', { metricsBasicAuthFile: '/nowhere' }],
      ['127.0.0.1', {}],
      ['localhost', {}],
    ] as const) {
      const { server } = await listening(t, { host, settings });
      assert.deepEqual(codesOf(server), []);
    }
  });
});

interface TlsAnswer {
  readonly status: number;
  readonly text: string;
  readonly certificate: PeerCertificate;
}

async function askTls(port: number, options: ConnectionOptions, path = '/metrics'): Promise<TlsAnswer> {
  const outgoing = httpsRequest({ host: '127.0.0.1', port, path, agent: false, ...options } as object);
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  const certificate = response.socket.getPeerCertificate() as PeerCertificate;
  return { status: response.statusCode, text: (await read(response)).toString(), certificate };
}

describe('over TLS', () => {
  const tlsSettings = ({ serverCert, serverKey }: Certificates) => ({
    metricsTlsCert: serverCert,
    metricsTlsKey: serverKey,
  });
  const authority = ({ ca }: Certificates): ConnectionOptions => ({ ca: readFileSync(ca) });

  async function certificates(t: Owner, name = 'tls'): Promise<Certificates> {
    return makeCertificates(scratchDir(t, name));
  }

  test('everything is answered, nothing without it', async (t) => {
    const files = await certificates(t);
    const { server, port } = await listening(t, { settings: tlsSettings(files) });
    assert.match(server.url ?? '', /^https:\/\/127\.0\.0\.1:/);
    const { status, text } = await askTls(port, authority(files));
    assert.deepEqual([status, /^c_total 1$/m.test(text)], [200, true]);
    assert.doesNotMatch(
      await exchange(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      /HTTP|c_total/,
    );
    const tls = connectTls({ host: '127.0.0.1', port, maxVersion: 'TLSv1.2', ...authority(files) });
    await once(tls, 'secureConnect');
    assert.equal(tls.getProtocol(), 'TLSv1.2');
    tls.destroy();
  });

  test('an older protocol than the oldest one is refused', async (t) => {
    const files = await certificates(t);
    const settings = { ...tlsSettings(files), metricsTlsMinVersion: 'TLSv1.3' } as const;
    const { port } = await listening(t, { settings });
    await assert.rejects(askTls(port, { ...authority(files), maxVersion: 'TLSv1.2' }));
    assert.equal((await askTls(port, authority(files))).status, 200);
  });

  test('a client needs a certificate if an authority is set, and gets two paths without', async (t) => {
    const files = await certificates(t);
    const strangers = await certificates(t, 'strangers');
    const { server, port } = await listening(t, {
      settings: { ...tlsSettings(files), metricsClientCa: files.ca, wipeToken: 'wipe' },
    });
    const known = {
      ...authority(files),
      cert: readFileSync(files.clientCert),
      key: readFileSync(files.clientKey),
    };
    assert.equal((await askTls(port, known)).status, 200);
    for (const other of [
      authority(files),
      {
        ...authority(files),
        cert: readFileSync(strangers.clientCert),
        key: readFileSync(strangers.clientKey),
      },
    ]) {
      for (const path of ['/metrics', '/', '/health', '/wipe-metrics'])
        assert.equal((await askTls(port, other, path)).status, 403, path);
      const wipe = { ...other, method: 'POST', headers: { Authorization: 'Bearer wipe' } };
      assert.equal((await askTls(port, wipe, '/wipe-metrics')).status, 403);
      assert.equal((await askTls(port, other, '/healthz')).text, 'ok\n');
      assert.equal((await askTls(port, other, '/readyz')).text, 'ready\n');
    }
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_REQUESTS_REFUSED']);
  });

  test('a certificate and a token are both needed if both are set', async (t) => {
    const files = await certificates(t);
    const { port } = await listening(t, {
      settings: { ...tlsSettings(files), metricsClientCa: files.ca, metricsToken: ['token'] },
    });
    const headers = { Authorization: 'Bearer token' };
    const known = {
      ...authority(files),
      cert: readFileSync(files.clientCert),
      key: readFileSync(files.clientKey),
    };
    assert.equal((await askTls(port, { ...known, headers } as ConnectionOptions)).status, 200);
    assert.equal((await askTls(port, known)).status, 401);
    assert.equal((await askTls(port, { ...authority(files), headers } as ConnectionOptions)).status, 403);
  });

  test('files that are exchanged are used for the next connection, and unusable ones are not', async (t) => {
    const [first, second] = [await certificates(t), await certificates(t, 'next')];
    const dir = scratchDir(t, 'used');
    const [cert, key] = [join(dir, 'cert'), join(dir, 'key')];
    copyFileSync(first.serverCert, cert);
    copyFileSync(first.serverKey, key);
    const { server, port } = await listening(t, { settings: { metricsTlsCert: cert, metricsTlsKey: key } });
    const before = (await askTls(port, authority(first))).certificate.fingerprint256;

    writeFileSync(cert, 'no certificate');
    await eventually(() => assert.ok(codesOf(server).includes('ORCHESTRATOR_CERTIFICATE_UNUSABLE')));
    assert.equal((await askTls(port, authority(first))).certificate.fingerprint256, before);

    copyFileSync(second.serverCert, cert);
    copyFileSync(second.serverKey, key);
    await eventually(async () => {
      const { certificate } = await askTls(port, authority(second));
      assert.notEqual(certificate.fingerprint256, before);
    });
  });

  test('files that are missing or unusable keep the port closed, and one warning names the setting', async (t) => {
    const files = await certificates(t);
    const CASES: ReadonlyArray<readonly [settings: object, expected: RegExp]> = [
      [{ metricsTlsCert: files.serverCert }, /ORCHESTRATOR_METRICS_TLS_KEY is not set/],
      [{ metricsTlsKey: files.serverKey }, /ORCHESTRATOR_METRICS_TLS_CERT is not set/],
      [{ metricsClientCa: files.ca }, /ORCHESTRATOR_METRICS_TLS_CERT is not set/],
      [
        { ...tlsSettings(files), metricsTlsKey: '/nowhere/key' },
        /ORCHESTRATOR_METRICS_TLS_KEY=\/nowhere\/key cannot be read/,
      ],
      [
        { ...tlsSettings(files), metricsTlsKey: files.clientKey },
        /ORCHESTRATOR_METRICS_TLS_CERT, ORCHESTRATOR_METRICS_TLS_KEY: .*cannot be used/,
      ],
    ];
    for (const [settings, expected] of CASES) {
      const server = openServer(t, { settings });
      server.listen();
      await eventually(() => assert.match(warningsOf(server)[0] ?? '', expected));
      assert.deepEqual(codesOf(server), ['ORCHESTRATOR_CANNOT_LISTEN']);
      assert.equal(server.url, undefined);
    }
    // It is tried again.
    const dir = scratchDir(t, 'late');
    const key = join(dir, 'key');
    const server = openServer(t, { settings: { ...tlsSettings(files), metricsTlsKey: key } });
    server.listen();
    await eventually(() => assert.equal(warningsOf(server).length, 1));
    copyFileSync(files.serverKey, key);
    assert.equal((await askTls(await portOf(server), authority(files))).status, 200);
  });

  test('silent connections keep no scraper out', async (t) => {
    const files = await certificates(t);
    const { port } = await listening(t, { settings: tlsSettings(files) });
    const silent = Array.from({ length: 300 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      t.after(() => void socket.destroy());
      return once(socket, 'connect').catch(() => undefined);
    });
    await Promise.all(silent);
    assert.equal((await askTls(port, authority(files))).status, 200);
  });
});
