import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';

import { hashPassword } from '../../src/index.js';
import { makeCertificates } from '../helpers/certificates.js';
import { Exposition } from '../helpers/exposition.js';
import { eventually } from '../helpers/eventually.js';
import { read } from '../helpers/raw-request.js';
import { startRedis } from '../helpers/redis.js';
import { get } from '../helpers/scrape.js';
import { scratchDir } from '../helpers/scratch.js';
import { FilledStore, newFilledStore, traffic } from './filled-store.js';
import { runProgram } from './program.js';
import { plainText, PseudoTerminal } from './pseudo-terminal.js';
import { Serving } from './running-program.js';

/** How `serve` starts: on a terminal, with a store that says no, with TLS and users, on files that nobody may write. */

test('on a terminal it says where it is and which projects are not there; Ctrl+C ends it in order', async (t) => {
  const store = await newFilledStore(t, 'local');
  await store.instance('shop').send(traffic(1));
  const words = ['serve', '--port', '0', '--host', '127.0.0.1'];
  const terminal = new PseudoTerminal(t, [...words, 'shop', 'nope', 'crm-*'], { env: store.env });
  const port = await eventually(() => {
    const [, said] = /targets at http:\/\/127\.0\.0\.1:(\d+)\/sd/.exec(terminal.output) ?? [];
    assert.ok(said !== undefined, terminal.output);
    return Number(said);
  });
  const text = plainText(terminal.output);
  assert.match(
    text,
    /^There is no project "nope" in local .* yet\. It is 404 until something of it is written\.$/m,
  );
  assert.match(text, /^No project in local .* matches "crm-\*" yet\.$/m);
  assert.doesNotMatch(text, /no project "shop"/);
  assert.equal((await get(port, '/metrics?project=nope')).status, 404);
  assert.equal((await get(port, '/metrics?project=shop')).status, 200);
  terminal.type('\u0003');
  assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
});

test('a wrong password ends it, in a pipe and on a terminal: no wait would mend that', async (t) => {
  const redis = await startRedis(t, { password: 'right' });
  const env = { ORCHESTRATOR_REDIS_URL: redis.urlFor('', 'wrong') };
  const sentence = /^orchestrator: redis 127\.0\.0\.1:\d+: WRONGPASS .*ORCHESTRATOR_REDIS_URL.*$/m;
  const { code, stdout, stderr } = await runProgram(['serve', '--port', '0'], { env });
  assert.match(stderr, sentence);
  assert.doesNotMatch(stderr, /wrong@|:wrong/);
  assert.deepEqual([code, stdout], [77, '']);
  const terminal = new PseudoTerminal(t, ['serve', '--port', '0'], { env });
  assert.deepEqual(await terminal.ended(), { code: 77, restored: true });
  assert.match(plainText(terminal.output), sentence);
});

test('with TLS, users of a file and another address: targets are as Prometheus reaches them', async (t) => {
  const store = await newFilledStore(t, 'local');
  await store.instance('shop').send(traffic(2));
  const dir = scratchDir(t, 'serve');
  const { ca, serverCert, serverKey } = await makeCertificates(dir);
  const users = join(dir, 'users');
  writeFileSync(users, `prometheus:${await hashPassword('right')}\n`);
  chmodSync(users, 0o600);
  const flags = ['--metrics-tls-cert', serverCert, '--metrics-tls-key', serverKey];
  const access = ['--metrics-basic-auth-file', users, '--advertise', 'metrics.example.com:443'];
  const serving = new Serving(t, [...flags, ...access], store.env);
  const port = await serving.port();
  assert.match(serving.said, / at https:\/\/127\.0\.0\.1:/);
  const ask = async (path: string, password?: string): Promise<{ status: number; body: string }> => {
    const auth = password === undefined ? {} : { auth: `prometheus:${password}` };
    const at = { host: '127.0.0.1', port, path, agent: false, ...auth };
    const outgoing = request({ ...at, ca: readFileSync(ca) }).end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: (await read(response)).toString() };
  };
  for (const password of [undefined, 'wrong']) {
    const { status, body } = await ask('/sd', password);
    assert.equal(status, 401);
    assert.doesNotMatch(body, /shop/);
  }
  const { status, body } = await ask('/sd', 'right');
  assert.equal(status, 200);
  const [{ targets, labels } = { targets: [], labels: {} }] = JSON.parse(body) as Array<{
    targets: string[];
    labels: Record<string, string>;
  }>;
  assert.deepEqual(targets, ['metrics.example.com:443']);
  assert.deepEqual(
    [labels['__scheme__'], labels['__param_project'], labels['project']],
    ['https', 'shop', 'shop'],
  );
  const scraped = await ask('/metrics?project=shop', 'right');
  assert.equal(new Exposition(scraped.body).sum('jobs_done_total'), 2);
  await assert.rejects(get(port, '/sd'), 'without TLS nobody answers');
});

test(
  'reads a local store on a file system that is mounted read-only',
  { skip: process.getuid?.() === 0 ? false : 'only root can mount' },
  async (t) => {
    const directory = scratchDir(t, 'read-only');
    const store = new FilledStore(t, { directory });
    const instance = store.instance('shop');
    await instance.send(traffic(2));
    const mount = `mount --bind "${directory}" "${directory}" && mount -o remount,ro,bind "${directory}" && ! touch "${directory}/x" 2>&1 && exec "$@"`;
    const before = ['unshare', '--mount', 'sh', '-c', mount, 'sh'];
    const port = await new Serving(t, ['--refresh', '0'], store.env, before).port();
    const scraped = async (): Promise<number> =>
      new Exposition((await get(port, '/metrics?project=shop')).body).sum('jobs_done_total');
    assert.equal(await scraped(), 2);
    assert.equal((await get(port, '/readyz')).status, 200);
    assert.match((await get(port, '/metrics')).body, /orchestrator_project_store_bytes\{project="shop"\} \d/);
    // What the application writes meanwhile is seen through the mount.
    await instance.send(traffic(3));
    await eventually(async () => assert.equal(await scraped(), 5));
  },
);
