import assert from 'node:assert/strict';
import { chmodSync, cpSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import type { Redis } from 'ioredis';

import { codeBlocks, readPage } from '../docs/pages.js';
import { SHARED_STORES } from '../end-to-end/stores.js';
import { eventually } from '../helpers/eventually.js';
import { Exposition } from '../helpers/exposition.js';
import { onEnd } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { get } from '../helpers/scrape.js';
import { scratchDir } from '../helpers/scratch.js';
import { checkWithPromtool } from '../helpers/prometheus.js';
import { startRedis } from '../helpers/redis.js';
import { FilledStore, newFilledStore, traffic } from './filled-store.js';
import { runProgram } from './program.js';
import { Serving } from './running-program.js';

interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

async function targetsOf(port: number): Promise<Target[]> {
  const { status, body, headers } = await get(port, '/sd');
  assert.equal(status, 200, body);
  assert.equal(headers.get('content-type'), 'application/json');
  return JSON.parse(body) as Target[];
}

async function projectsOf(port: number): Promise<unknown[]> {
  return (await targetsOf(port)).map(({ labels }) => labels['project']);
}

/** An answer as it comes through the socket, without its date. */
async function bytesOf(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  return (await text(socket)).replace(/^Date: .*\r\n/m, '');
}

for (const kind of SHARED_STORES) {
  describe(`serve with the ${kind} store`, () => {
    test('answers for each project, with an overview and a list of targets', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('My Shop').send(traffic(3));
      await store.instance('crm').send(traffic(1));
      const port = await new Serving(t, [], store.env).port();
      assert.deepEqual(
        await targetsOf(port),
        [
          ['crm', 'crm'],
          ['my_shop', 'My Shop'],
        ].map(([prefix, name]) => ({
          targets: [`127.0.0.1:${port}`],
          labels: {
            __scheme__: 'http',
            __metrics_path__: '/metrics',
            __param_project: prefix,
            __meta_orchestrator_project_name: name,
            project: prefix,
          },
        })),
      );
      for (const path of [
        '/metrics?project=my_shop',
        '/metrics?project=My%20Shop',
        '/projects/my_shop/metrics',
      ]) {
        const { status, body } = await get(port, path);
        assert.equal(status, 200, body);
        assert.equal(new Exposition(body).sum('jobs_done_total'), 3);
      }
      const overview = await get(port, '/metrics');
      await checkWithPromtool(overview.body);
      const numbers = new Exposition(overview.body);
      assert.equal(numbers.sum('orchestrator_project_instances', { project: 'crm' }), 1);
      assert.equal(numbers.sum('orchestrator_project_series', { project: 'my_shop' }), 4);
      assert.equal(numbers.sum('orchestrator_project_info', { project: 'my_shop', name: 'My Shop' }), 1);
      assert.ok(numbers.sum('orchestrator_project_store_bytes', { project: 'crm' }) > 0);
      assert.ok(numbers.sum('orchestrator_project_last_write_age_seconds', { project: 'crm' }) < 60);
      assert.match((await get(port, '/')).body, /^\/metrics\?project=my_shop {2}My Shop$/m);
      assert.deepEqual(
        [(await get(port, '/healthz')).body, (await get(port, '/readyz')).body],
        ['ok\n', 'ready\n'],
      );
      assert.equal((await get(port, '/sd', { method: 'POST' })).status, 405);
      assert.equal((await get(port, '/sd', { method: 'HEAD' })).status, 200);
      assert.equal((await get(port, '/nothing')).status, 404);
    });

    test('answers what the live page asks for, of one project or of all', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('My Shop').send(traffic(3));
      await store.instance('crm').send(traffic(1));
      const port = await new Serving(t, ['my-shop', 'my_shop'], store.env).port();
      const page = await get(port, '/', { headers: { accept: 'text/html' } });
      assert.match(page.body, /data-of-many="true"/);
      const listed = JSON.parse((await get(port, '/page/projects')).body) as { projects: unknown };
      assert.deepEqual(listed.projects, [{ prefix: 'my_shop', project: 'My Shop' }]);
      const { project, now } = JSON.parse((await get(port, '/page/live?project=my_shop')).body) as {
        project: string;
        now: { instances: number };
      };
      assert.deepEqual([project, now.instances], ['My Shop', 1]);
      const family = await get(port, '/page/family?project=my_shop&name=jobs_done_total');
      assert.match(family.body, /"value":3/);
      for (const query of ['', '?project=crm', '?project=nobody'])
        assert.equal((await get(port, `/page/live${query}`)).status, 404, query);
    });

    test('projects come and go without a restart', async (t) => {
      const store = await newFilledStore(t, kind);
      const port = await new Serving(t, ['--refresh', '100ms'], store.env).port();
      assert.deepEqual(await projectsOf(port), []);
      const shop = store.instance('shop');
      await shop.send(traffic(1));
      await eventually(async () => assert.deepEqual(await projectsOf(port), ['shop']));
      assert.equal((await get(port, '/metrics?project=shop')).status, 200);
      await shop.store.wipe();
      await eventually(async () => assert.deepEqual(await projectsOf(port), []));
      assert.equal((await get(port, '/metrics?project=shop')).status, 404);
      await shop.send(traffic(2));
      await eventually(async () => assert.deepEqual(await projectsOf(port), ['shop']));
      assert.equal(new Exposition((await get(port, '/metrics?project=shop')).body).sum('jobs_done_total'), 2);
    });

    test('a project of jobs stays between its runs', async (t) => {
      const store = await newFilledStore(t, kind);
      const job = store.instance('job');
      await job.send(traffic(1));
      await job.store.endLease();
      await job.store.close();
      // Another project, whose data last for a second, must not take it out of the list.
      const other = store.instance('short', { ttlMs: 1000, leaseMs: 1000 });
      await other.send(traffic(1));
      await other.store.sweep();
      await other.store.endLease();
      const port = await new Serving(t, ['--refresh', '0', '--metrics-ttl', '3600'], store.env).port();
      if (kind === 'redis') await eventually(async () => assert.deepEqual(await projectsOf(port), ['job']));
      else assert.ok((await projectsOf(port)).includes('job'));
    });

    test('a project outside the allow-list is like one that does not exist', async (t) => {
      const store = await newFilledStore(t, kind);
      for (const project of ['crm-a', 'crm-b', 'hr']) await store.instance(project).send(traffic(1));
      const port = await new Serving(t, ['crm-*'], store.env).port();
      assert.deepEqual(await projectsOf(port), ['crm-a', 'crm-b']);
      for (const path of ['/metrics?project=', '/projects/']) {
        const end = path.startsWith('/projects') ? '/metrics' : '';
        const [hidden, absent] = await Promise.all(
          ['hr', 'nobody'].map((name) => bytesOf(port, `${path}${name}${end}`)),
        );
        assert.match(hidden ?? '', /^HTTP\/1\.1 404 Not Found\r\n/);
        assert.equal(hidden, absent);
      }
      assert.doesNotMatch((await get(port, '/metrics')).body, /"hr"/);
      assert.doesNotMatch((await get(port, '/')).body, /hr/);
      // What the environment of an application says limits it as well.
      const own = new Serving(t, [], { ...store.env, ORCHESTRATOR_PREFIX: 'hr' });
      assert.deepEqual(await projectsOf(await own.port()), ['hr']);
    });
  });
}

describe('serve', () => {
  test('without the token there is 401 and no name of a project, whatever is asked for', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await store.instance('secret-project').send(traffic(1));
    const serving = new Serving(t, [], { ...store.env, ORCHESTRATOR_METRICS_TOKEN: 'the-right-token' });
    const port = await serving.port();
    for (const path of [
      '/metrics?project=secret-project',
      '/metrics?project=nobody',
      '/projects/secret-project/metrics',
      '/metrics',
      '/sd',
      '/',
      '/nothing',
    ]) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
        const { status, body, headers: got } = await get(port, path, { headers });
        assert.equal(status, 401, path);
        assert.doesNotMatch(`${body}${JSON.stringify([...got])}`, /secret-project/);
      }
    }
    assert.equal((await get(port, '/healthz')).body, 'ok\n');
    assert.equal((await get(port, '/readyz')).body, 'ready\n');
    const right = { headers: { authorization: 'Bearer the-right-token' } };
    assert.equal((await get(port, '/metrics?project=secret-project', right)).status, 200);
    assert.match((await get(port, '/sd', right)).body, /secret-project/);
    const overview = new Exposition((await get(port, '/metrics', right)).body);
    assert.equal(overview.sum('orchestrator_requests_refused_total', { reason: 'no_credentials' }), 7);
    await store.redis?.stop('SIGKILL');
    await eventually(async () => {
      const stranger = await get(port, '/readyz');
      assert.deepEqual([stranger.status, stranger.body], [503, 'The store cannot be read.\n']);
    });
    assert.match((await get(port, '/readyz', right)).body, /ECONNREFUSED/);
  });

  test('a store that is away is 503 for the list too, so that Prometheus keeps its targets', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await store.instance('shop').send(traffic(1));
    const port = await new Serving(t, ['--refresh', '0'], store.env).port();
    assert.deepEqual(await projectsOf(port), ['shop']);
    await store.redis?.stop('SIGKILL');
    for (const path of ['/sd', '/metrics', '/metrics?project=shop', '/readyz']) {
      const { status, body } = await get(port, path);
      assert.equal(status, 503, `${path}: ${body}`);
      assert.match(body, /redis 127\.0\.0\.1/);
    }
    await store.redis?.start('empty');
    await eventually(async () => assert.deepEqual(await projectsOf(port), []));
  });

  test('starts before its store, and says that it waits', async (t) => {
    const port = await freePort();
    const serving = new Serving(t, [], { ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${port}` });
    const own = await serving.port();
    assert.match(serving.said, /Not ready yet: redis 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
    assert.equal((await get(own, '/readyz')).status, 503);
    assert.equal((await get(own, '/healthz')).status, 200);
    assert.equal(await serving.end('SIGTERM'), 0);
  });

  test('a port that is taken is said', async (t) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, stderr } = await runProgram(['serve', '--host', '127.0.0.1', '--port', String(port)], {
      env: { ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'serve') },
    });
    assert.match(
      stderr,
      /The address 127\.0\.0\.1:\d+ cannot be listened on: .*EADDRINUSE.* --host and --port\./,
    );
    assert.equal(code, 69);
  });

  test('the read-only user of docs/command-line.md is enough, and no command in its line is superfluous', async (t) => {
    const line =
      codeBlocks(readPage('docs/command-line.md'), 'text').find((block) => block.startsWith('ACL SETUSER')) ??
      '';
    const store = await newFilledStore(t, 'redis');
    for (const project of ['shop', 'crm']) await store.instance(project).send(traffic(1));
    await store.instance('ended').send(traffic(1));
    const redis = store.redis;
    assert.ok(redis !== undefined);
    const client = redis.client();
    const [, ...acl] = line.split(' ');
    assert.equal(await client.call('ACL', ...acl), 'OK');
    const before = await dataOf(client);
    await client.config('RESETSTAT');
    const env = { ORCHESTRATOR_REDIS_URL: redis.urlFor('metrics', 'secret') };
    const port = await new Serving(t, ['--refresh', '0'], env).port();
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(await projectsOf(port), ['crm', 'ended', 'shop']);
      assert.equal((await get(port, '/metrics?project=shop')).status, 200);
      assert.match(
        (await get(port, '/metrics')).body,
        /orchestrator_project_store_bytes\{project="crm"\} \d/,
      );
    }
    for (const words of [
      ['projects'],
      ['instances', 'shop'],
      ['series', 'shop'],
      ['snapshot', 'shop'],
      ['watch', 'shop', '--count', '1'],
    ])
      assert.equal((await runProgram(words, { env })).code, 0);
    // Nothing of it may be changed, and the program says so.
    const wiped = await runProgram(['wipe', 'shop', '--yes'], { env });
    assert.match(wiped.stderr, /NOPERM/);
    assert.equal(wiped.code, 77);
    assert.deepEqual(await dataOf(client), before);
    const granted = Array.from(line.matchAll(/ \+([\w|]+)/g), ([, command = '']) => command);
    const stats = await client.info('commandstats');
    const used = new Set(
      Array.from(stats.matchAll(/^cmdstat_([\w|]+):calls=[1-9]/gm), ([, name = '']) => name),
    );
    assert.deepEqual(
      granted.filter((command) => !used.has(command)),
      [],
      'granted, but not used',
    );
  });

  test('a user without the list serves projects that are named, and is told about the list', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await store.instance('shop').send(traffic(1));
    const client = store.redis?.client();
    await client?.call(
      'ACL',
      'SETUSER',
      'one',
      'on',
      '>secret',
      'resetkeys',
      '%R~orchestrator:{shop}:*',
      '+@read',
      '+time',
    );
    const env = { ORCHESTRATOR_REDIS_URL: store.redis?.urlFor('one', 'secret') };
    const port = await new Serving(t, ['shop'], env).port();
    assert.deepEqual(await projectsOf(port), ['shop']);
    const { code, stderr } = await runProgram(['projects'], { env });
    assert.match(
      stderr,
      /does not let this user read the list of projects\. Grant %R~orchestrator:projects, or name the projects\./,
    );
    assert.equal(code, 77);
    assert.equal((await runProgram(['instances', 'shop'], { env })).code, 0);
  });

  test('works on a replica', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await store.instance('shop').send(traffic(2));
    assert.ok(store.redis !== undefined);
    const replica = await startRedis(t, { config: [`replicaof 127.0.0.1 ${store.redis.port}`] });
    await eventually(async () =>
      assert.equal(await replica.client().exists('orchestrator:{shop}:project'), 1),
    );
    // A write would be refused.
    await assert.rejects(replica.client().set('a', 'b'), /READONLY/);
    const port = await new Serving(t, [], { ORCHESTRATOR_REDIS_URL: replica.url }).port();
    await eventually(async () => assert.deepEqual(await projectsOf(port), ['shop']));
    assert.equal((await get(port, '/readyz')).status, 200);
    assert.match((await get(port, '/metrics')).body, /orchestrator_project_instances\{project="shop"\} 1/);
    assert.equal(new Exposition((await get(port, '/metrics?project=shop')).body).sum('jobs_done_total'), 2);
  });

  test('reads a local store without changing a file, and one that cannot be written', async (t) => {
    const directory = scratchDir(t, 'serve');
    const store = new FilledStore(t, { directory });
    const instance = store.instance('shop');
    await instance.send(traffic(2));
    const files = (folder: string): unknown[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .toSorted()
        .map((name) => {
          const { mtimeMs, size, mode } = statSync(join(folder, name));
          return [name, mtimeMs, size, mode];
        });
    const before = files(directory);
    const port = await new Serving(t, ['--refresh', '0'], store.env).port();
    assert.deepEqual(await projectsOf(port), ['shop']);
    assert.equal((await get(port, '/metrics?project=shop')).status, 200);
    assert.deepEqual(files(directory), before);
    const copy = join(scratchDir(t, 'copy'), 'store');
    cpSync(directory, copy, { recursive: true });
    for (const name of readdirSync(join(copy, 'shop'))) chmodSync(join(copy, 'shop', name), 0o400);
    chmodSync(join(copy, 'shop'), 0o500);
    chmodSync(copy, 0o500);
    onEnd(t, () => {
      chmodSync(copy, 0o700);
      chmodSync(join(copy, 'shop'), 0o700);
    });
    const { stdout } = await runProgram(['projects'], { env: { ORCHESTRATOR_LOCAL_DIR: copy } });
    assert.match(stdout, /^shop /m);
    assert.deepEqual(readdirSync(copy), ['shop']);
  });
});

/** Every key with its content. */
async function dataOf(client: Redis): Promise<unknown[]> {
  const keys = (await client.keys('*')).toSorted();
  return Promise.all(keys.map(async (key) => [key, (await client.dumpBuffer(key))?.toString('base64')]));
}
