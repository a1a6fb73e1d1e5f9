import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { hashPassword } from '../../src/server/access/password-hash.js';
import { startApp } from '../helpers/app-process.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { ask } from '../helpers/raw-request.js';
import { GrowingProject } from '../page/projects.js';
import { codesOf, listening } from './open-server.js';

const BROWSER = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const TOKEN = 'correct-horse-battery-staple';
const bearer = { Authorization: `Bearer ${TOKEN}` };

/** The most that the page may weigh, packed. */
const MAX_BYTES = 150_000;

/** Its own files, as the page names them. */
async function filesOf(port: number): Promise<string[]> {
  const { body } = await ask(port, { path: '/', headers: BROWSER });
  return Array.from(body.toString().matchAll(/(?:src|href)="([^"]+)"/g), ([, address = '']) => address);
}

describe('the page', () => {
  test('has relative addresses, a strict policy, and nothing inline', async (t) => {
    const { port } = await listening(t);
    const { body, headers } = await ask(port, { path: '/', headers: BROWSER });
    assert.match(
      String(headers['content-security-policy']),
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|https?:|\*/);
    assert.doesNotMatch(body.toString(), /<script>|<style|style=|\bon\w+=|https?:/);
    const files = await filesOf(port);
    assert.equal(files.length, 3);
    for (const address of files) assert.match(address, /^page\/[a-z.]+\?v=[\w-]+$/);
  });

  test('weighs at most 150 kB packed, all in all', async (t) => {
    const { port } = await listening(t);
    const answers = await Promise.all(
      ['/', ...(await filesOf(port)).map((address) => `/${address}`)].map((path) =>
        ask(port, { path, headers: { ...BROWSER, 'Accept-Encoding': 'gzip' } }),
      ),
    );
    const bytes = answers.reduce((sum, { body }) => sum + body.length, 0);
    assert.ok(bytes > 10_000 && bytes <= MAX_BYTES, `${bytes} bytes`);
  });

  test('is kept by browsers under the hash of its files', async (t) => {
    const { port } = await listening(t);
    for (const address of await filesOf(port)) {
      const path = `/${address}`;
      const plain = await ask(port, { path });
      assert.match(String(plain.headers['cache-control']), /immutable/);
      const zipped = await ask(port, { path, headers: { 'Accept-Encoding': 'gzip' } });
      assert.deepEqual(gunzipSync(zipped.body), plain.body);
      const again = await ask(port, { path, headers: { 'If-None-Match': String(plain.headers.etag) } });
      assert.deepEqual([again.status, again.body.length], [304, 0]);
      const stale = await ask(port, { path: path.replace(/=.*/, '=old') });
      assert.deepEqual([stale.status, stale.headers['cache-control']], [200, 'no-cache']);
    }
    for (const path of [
      '/page/',
      '/page/other.js',
      '/page/../metrics',
      '/page/app.js.gz',
      '/page/licenses.txt',
      '/page/%2e%2e/x',
    ])
      assert.equal((await ask(port, { path })).status, 404, path);
  });
});

describe('what the page asks for', () => {
  test('is the same for all until the next sample, and not sent again', async (t) => {
    const project = new GrowingProject();
    const { port } = await listening(t, { read: project.read, pageTiming: { everyMs: 60_000 } });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        ask(port, { path: '/page/live', headers: { 'Accept-Encoding': 'gzip' } }),
      ),
    );
    assert.equal(project.reads, 1);
    const [first] = answers;
    assert.ok(first !== undefined);
    for (const { body, headers } of answers) {
      assert.deepEqual(body, first.body);
      assert.equal(headers['content-encoding'], 'gzip');
      assert.equal(headers['cache-control'], 'no-store');
    }
    const etag = String(first.headers.etag);
    const same = await ask(port, { path: '/page/live', headers: { 'If-None-Match': etag } });
    assert.deepEqual([same.status, same.body.length], [304, 0]);
    const { history, last } = JSON.parse(gunzipSync(first.body).toString()) as {
      history: string;
      last: number;
    };
    const rest = await ask(port, { path: `/page/live?history=${history}&after=${last}` });
    assert.deepEqual((JSON.parse(rest.body.toString()) as { times: unknown }).times, []);
    for (const after of ['-1', 'x', '1e9', '99', '0.5']) {
      const { body } = await ask(port, { path: `/page/live?history=${history}&after=${after}` });
      assert.equal((JSON.parse(body.toString()) as { times: unknown[] }).times.length, 1, after);
    }
  });

  test('is of its own project only, and of no other method', async (t) => {
    const { port } = await listening(t, { read: new GrowingProject().read });
    assert.equal((await ask(port, { path: '/page/live?project=Shop' })).status, 200);
    assert.equal((await ask(port, { path: '/page/live?project=hr' })).status, 421);
    assert.equal((await ask(port, { path: '/page/live', method: 'POST' })).status, 405);
    const head = await ask(port, { path: '/page/live', method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    assert.equal((await ask(port, { path: '/page/family?name=nothing' })).status, 404);
    assert.equal((await ask(port, { path: '/page/projects' })).status, 404);
  });

  test('is refused to a page of another origin, and under a foreign host', async (t) => {
    const project = new GrowingProject();
    const { port } = await listening(t, { read: project.read });
    for (const path of ['/page/live', '/page/families', '/page/family?name=shop_orders_total']) {
      const foreign = await ask(port, { path, headers: { Origin: 'https://evil.example' } });
      assert.equal(foreign.status, 403);
      assert.equal((await ask(port, { path, headers: { Host: 'evil.example' } })).status, 403);
    }
    assert.equal(project.reads, 0);
    const own = { Origin: `http://127.0.0.1:${port}`, Host: `127.0.0.1:${port}` };
    assert.equal((await ask(port, { path: '/page/live', headers: own })).status, 200);
  });
});

describe('with a token', () => {
  test('the page comes without anything of the project, and its numbers only with the token', async (t) => {
    const project = new GrowingProject();
    const { port, server } = await listening(t, { read: project.read, settings: { metricsToken: [TOKEN] } });
    for (const path of ['/', '/?project=hr', ...(await filesOf(port)).map((address) => `/${address}`)]) {
      const { status, body, headers } = await ask(port, { path, headers: BROWSER });
      assert.equal(status, 200, path);
      assert.equal(headers['x-orchestrator-project'], undefined);
      if (path.startsWith('/?') || path === '/') assert.doesNotMatch(body.toString(), /shop|local/i);
    }
    for (const path of ['/page/live', '/page/live?project=hr', '/page/families', '/page/family?name=x']) {
      for (const headers of [{}, { Authorization: 'Bearer wrong' }]) {
        const { status, body } = await ask(port, { path, headers });
        assert.equal(status, 401, path);
        assert.doesNotMatch(body.toString(), /shop/i);
      }
    }
    assert.equal(project.reads, 0);
    assert.equal((await ask(port, { path: '/page/live', headers: bearer })).status, 200);
    assert.ok(codesOf(server).length <= 1);
  });

  test('and a user beside it, a browser asks for the password only when the page sends it there', async (t) => {
    const metricsBasicAuth = [`ann:${await hashPassword('secret')}`];
    const { port } = await listening(t, { settings: { metricsToken: [TOKEN], metricsBasicAuth } });
    const ways = async (path: string): Promise<unknown> => {
      const { status, headers } = await ask(port, { path, headers: BROWSER });
      return [status, headers['www-authenticate']];
    };
    assert.deepEqual(await ways('/page/live'), [401, 'Bearer realm="metrics"']);
    assert.deepEqual(await ways('/?sign-in='), [
      401,
      'Bearer realm="metrics", Basic realm="metrics", charset="UTF-8"',
    ]);
    const Authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    const { status, body } = await ask(port, { path: '/?sign-in=', headers: { ...BROWSER, Authorization } });
    assert.equal(status, 200);
    assert.match(body.toString(), /data-needs-token="false"/);
  });
});

test('with users alone, the browser asks before it gets anything of the page', async (t) => {
  const { port } = await listening(t, {
    settings: { metricsBasicAuth: [`ann:${await hashPassword('secret')}`] },
  });
  for (const path of ['/', '/page/app.js', '/page/live']) {
    const { status, headers } = await ask(port, { path, headers: BROWSER });
    assert.deepEqual(
      [status, headers['www-authenticate']],
      [401, 'Basic realm="metrics", charset="UTF-8"'],
      path,
    );
  }
});

test('the code of the page is not loaded before somebody looks', async (t) => {
  const app = startApp(t, 'page-code.js', {
    env: { OTEL_EXPORTER_PROMETHEUS_PORT: '0', ORCHESTRATOR_STORE: 'memory' },
  });
  const [, port] = await app.waitForStderr(/http:\/\/[\w.]+:(\d+)\/metrics/);
  const loaded = async (): Promise<string[]> =>
    JSON.parse((await ask(await app.number('listening'), { path: '/loaded' })).body.toString()) as string[];
  assert.equal((await ask(Number(port))).status, 200);
  assert.equal((await ask(Number(port), { path: '/' })).status, 200);
  assert.deepEqual(await loaded(), []);
  assert.equal((await ask(Number(port), { path: '/', headers: BROWSER })).status, 200);
  assert.deepEqual(await loaded(), [
    'live-page.js',
    'page-files.js',
    'protocol.js',
    'shared-json.js',
    'shell.js',
  ]);
});

test('no file of the page names an address of another host', () => {
  const folder = join(PACKAGE_ROOT, 'dist/page');
  for (const name of readdirSync(folder).filter((one) => /\.(?:js|css)\.gz$/.test(one))) {
    const text = gunzipSync(readFileSync(join(folder, name))).toString();
    // Names of XML, which nobody asks.
    const named = Array.from(text.matchAll(/https?:\/\/[\w.-]+/g), ([address]) => address);
    assert.deepEqual(
      named.filter((address) => address !== 'http://www.w3.org'),
      [],
      name,
    );
  }
});
