import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { isForbiddenAddress } from '../src/upstreams/address-guard.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { sendRaw } from './helpers/raw.js';
import { type Echo, TestUpstream } from './helpers/upstream.js';

describe('hostile requests', () => {
  let service: TestUpstream;
  let gateway: InProcess;
  const config = {
    routes: [
      { name: 'public', path: '/public/*', upstream: 's', rewrite: '/*' },
      { name: 'admin', path: '/admin/*', upstream: 's', access: { any: ['mtls'] } },
    ],
  };

  before(async () => {
    service = await TestUpstream.start();
    gateway = await startInProcess(config, { SERVICE_S_BASE_URL: service.url });
  });
  after(async () => {
    await gateway.stop();
    await service.stop();
  });
  const raw = async (
    lines: readonly string[],
    body = '',
  ): Promise<{ status: string; sent: readonly string[]; text: string }> => {
    service.requests.length = 0;
    const text = await sendRaw(gateway.url, `${lines.join('\r\n')}\r\n\r\n${body}`);
    return { status: /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? '', sent: [...service.requests], text };
  };

  it('with two lengths, or a length and chunks, are not two requests for the service', async () => {
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    const variants: ReadonlyArray<readonly [readonly string[], string]> = [
      [[`Content-Length: ${smuggled.length + 5}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
      [['Content-Length: 0', `Content-Length: ${smuggled.length}`], smuggled],
      [['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${smuggled}`],
      [['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`],
      [['Content-Length: +5'], `hello${smuggled}`],
      [['Content-Length : 5'], `hello${smuggled}`],
    ];
    for (const [headers, body] of variants) {
      const { status, sent } = await raw(['POST /public/a HTTP/1.1', 'Host: x', ...headers], body);
      assert.equal(status, '400', headers.join(' '));
      assert.ok(!sent.includes('GET /smuggled'), headers.join(' '));
    }
  });

  it('cannot choose where they go', async () => {
    for (const target of [
      'http://169.254.169.254/latest',
      '//evil.example/',
      '/public//evil.example/x',
      '/public/@evil.example',
      'evil.example:80',
    ]) {
      const { status, sent, text } = await raw([
        `GET ${target} HTTP/1.1`,
        'Host: evil.example',
        'Connection: close',
      ]);
      if (status !== '200') continue;
      assert.equal(sent.length, 1, target);
      const echo = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Echo;
      assert.equal(echo.headers['host'], `127.0.0.1:${service.port}`, target);
    }
  });

  it('cannot get round a route by another spelling of its path', async () => {
    for (const path of [
      '/public/../admin/x',
      '/public/%2e%2e/admin/x',
      '/public/..%2fadmin/x',
      '/public/..%5cadmin',
      '/public/%252e%252e/admin/x',
      '/public/a%00b',
      '/public/%zz',
      '/./admin/x',
    ]) {
      const { status, sent } = await raw([`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close']);
      assert.equal(status, '400', path);
      assert.deepEqual(sent, [], path);
    }
    assert.equal((await raw(['GET /admin/x HTTP/1.1', 'Host: x', 'Connection: close'])).status, '401');
  });

  it('cannot hide headers that the gateway writes behind Connection', async () => {
    const { text } = await raw([
      'GET /public/a HTTP/1.1',
      'Host: x',
      'Connection: close, x-forwarded-for, x-request-id, host',
    ]);
    const echo = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Echo;
    assert.equal(echo.headers['x-forwarded-for'], '127.0.0.1');
    assert.ok(echo.headers['x-request-id']);
  });

  it('put no line of their own into the log, and no id that is none', async () => {
    const { text } = await raw([
      'GET /public/a HTTP/1.1',
      'Host: x',
      'X-Request-Id: {"evil":1}',
      'Connection: close',
    ]);
    const echo = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Echo;
    assert.match(echo.headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/);
  });
});

describe('an upstream', () => {
  it('cannot be the metadata service of a cloud, by address', async () => {
    for (const address of ['169.254.169.254', '0.0.0.0', 'fe80::1', '::', 'fd00:ec2::254'])
      assert.ok(isForbiddenAddress(address), address);
    for (const address of ['127.0.0.1', '10.0.0.1', '::1', 'example.com'])
      assert.ok(!isForbiddenAddress(address), address);
    for (const url of [
      'http://169.254.169.254/',
      'http://[fe80::1]/',
      'http://2852039166/',
      'http://0xa9fea9fe/',
    ])
      await assert.rejects(
        startInProcess({ upstreams: { s: { targets: [{ url }] } } }),
        /is the address .*: link-local/,
        url,
      );
  });
});

describe('APP_DEBUG', () => {
  it('false hides what went wrong inside, true shows it', async () => {
    for (const debug of ['false', 'true']) {
      const service = await TestUpstream.start((request) => request.socket.destroy());
      const gateway = await startInProcess(
        { routes: [{ name: 'r', path: '/r', upstream: 's', retry: { count: 0 } }] },
        { SERVICE_S_BASE_URL: service.url, APP_DEBUG: debug },
      );
      const text = await (await fetch(`${gateway.url}/r`)).text();
      assert.match(text, /"code":"upstream_error"/);
      assert.equal(text.includes('stack'), debug === 'true');
      assert.equal(text.includes('socket hang up') || text.includes('other side closed'), debug === 'true');
      assert.ok(
        gateway.lines.some((line) => line.includes('other side closed')),
        'the log has it always',
      );
      await gateway.stop();
      await service.stop();
    }
  });
});
