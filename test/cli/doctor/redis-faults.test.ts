import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { suite, test } from 'node:test';

import { startApp } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import { onEnd, suiteOwner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { startProxy } from '../../helpers/proxy.js';
import { startRedis } from '../../helpers/redis.js';
import { runOrchestrator } from '../program.js';
import { assertFound, examine, redisBench, untilServed } from './bench.js';

/** Faults of the store, the project in it and the endpoint, each planted in a project where nothing else is wrong. */

void suite('a project in Redis', () => {
  const started = redisBench(suiteOwner());

  test('silence when nothing is wrong, as text and as JSON', async (context) => {
    const bench = await started;
    const { code, stdout, stderr } = await runOrchestrator(context, ['doctor'], {
      cwd: bench.folder,
      env: bench.env,
    });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis);
    const source = (variable: string): string | undefined =>
      diagnosis.settings.find((setting) => setting.variable === variable)?.source;
    assert.equal(source('ORCHESTRATOR_PREFIX'), 'ORCHESTRATOR_PREFIX');
    assert.equal(source('ORCHESTRATOR_MAX_SERIES'), 'default');
  });

  test('every setting has its source, a flag before a variable, and no secret is shown', async (context) => {
    const bench = await started;
    const { stdout } = await runOrchestrator(context, ['doctor', '--show-settings', '--max-series', '3000'], {
      cwd: bench.folder,
      env: { ...bench.env, ORCHESTRATOR_METRICS_TOKEN: 'geheim-geheim-geheim' },
    });
    assert.match(stdout, /^ORCHESTRATOR_MAX_SERIES +"3000" +flag$/m);
    assert.match(stdout, /^ORCHESTRATOR_METRICS_TOKEN +\(hidden\) +ORCHESTRATOR_METRICS_TOKEN$/m);
    assert.doesNotMatch(stdout, /geheim/);
  });

  test('store-unreachable: nobody listens', async (context) => {
    const bench = await started;
    const env = { ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
    const diagnosis = await examine(context, bench, { env });
    assertFound(diagnosis, 'store-unreachable');
    assert.match(diagnosis.findings[0]?.what ?? '', /ECONNREFUSED/);
    assert.match(diagnosis.findings[0]?.fix ?? '', /^redis-cli -h 127\.0\.0\.1 -p \d+ PING$/);
  });

  test('store-refused: a wrong password, which is not printed', async (context) => {
    const bench = await started;
    const env = { ORCHESTRATOR_REDIS_URL: bench.redis.urlFor('shop', 'falsch') };
    const diagnosis = await examine(context, bench, { env });
    assertFound(diagnosis, 'store-refused');
    assert.match(diagnosis.findings[0]?.what ?? '', /WRONGPASS/);
    assert.doesNotMatch(JSON.stringify(diagnosis), /falsch/);
  });

  test('redis-replica: the address of a replica', async (context) => {
    const bench = await started;
    const replica = await startRedis(context, { config: [`replicaof 127.0.0.1 ${bench.redis.port}`] });
    await eventually(async () =>
      assert.match(await replica.client().info('replication'), /master_link_status:up/),
    );
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_REDIS_URL: replica.url } });
    assertFound(diagnosis, 'redis-replica');
    assert.match(
      diagnosis.findings[0]?.what ?? '',
      new RegExp(`replica of 127\\.0\\.0\\.1:${bench.redis.port}`),
    );
  });

  test('redis-rights: a user that may not call some commands', async (context) => {
    const bench = await started;
    await bench.redis
      .client()
      .call(
        'ACL',
        'SETUSER',
        'poor',
        'on',
        '>secret',
        '~orchestrator:{shop}:*',
        '+@all',
        '-hset',
        '-evalsha',
      );
    const diagnosis = await examine(context, bench, {
      env: { ORCHESTRATOR_REDIS_URL: bench.redis.urlFor('poor', 'secret') },
    });
    assertFound(diagnosis, 'redis-rights');
    assert.match(diagnosis.findings[0]?.what ?? '', /user poor may not call evalsha, hset\./);
    assert.match(diagnosis.findings[0]?.fix ?? '', /\+evalsha \+hset$/);
  });

  test('nothing for a user with the rights of docs/security.md', async (context) => {
    const bench = await started;
    const rights =
      '+eval +evalsha +time +exists +get +pexpire +pttl +set +unlink +hdel +hexists +hget +hgetall +hlen +hmget +hscan +hset +zadd +zrange +zrem +zscore';
    await bench.redis
      .client()
      .call(
        'ACL',
        'SETUSER',
        'shop',
        'on',
        '>secret',
        'resetkeys',
        '~orchestrator:{shop}:*',
        'resetchannels',
        '-@all',
        ...rights.split(' '),
      );
    assertFound(
      await examine(context, bench, {
        env: { ORCHESTRATOR_REDIS_URL: bench.redis.urlFor('shop', 'secret') },
      }),
    );
  });

  test('redis-eviction: keys may be evicted', async (context) => {
    const bench = await started;
    const client = bench.redis.client();
    await client.config('SET', 'maxmemory', '1gb');
    await client.config('SET', 'maxmemory-policy', 'volatile-lru');
    assertFound(await examine(context, bench), 'redis-eviction');
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '0');
  });

  test('redis-memory and redis-write: nearly full, then full', async (context) => {
    const bench = await started;
    const client = bench.redis.client();
    const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', String(Math.round(used * 1.08)));
    assertFound(await examine(context, bench), 'redis-memory');
    await client.config('SET', 'maxmemory', '1mb');
    const diagnosis = await examine(context, bench);
    assert.ok(
      diagnosis.names.includes('redis-write') && diagnosis.names.includes('redis-memory'),
      diagnosis.names.join(),
    );
    assert.match(
      diagnosis.findings.find(({ name }) => name === 'redis-write')?.what ?? '',
      /OOM command not allowed/,
    );
    await client.config('SET', 'maxmemory', '0');
  });

  test('redis-slow: a network that takes its time', async (context) => {
    const bench = await started;
    const proxy = await startProxy(context, bench.redis.port);
    proxy.latencyMs = 60;
    assertFound(await examine(context, bench, { env: { ORCHESTRATOR_REDIS_URL: proxy.url } }), 'redis-slow');
  });

  test('tls-not-verified: any certificate would do', async (context) => {
    const env = { ORCHESTRATOR_REDIS_TLS_VERIFY: 'false' };
    assertFound(await examine(context, await started, { env }), 'tls-not-verified');
  });

  test('prefix-taken: two names that become one prefix', async (context) => {
    const bench = await started;
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_PREFIX: 'Shop' } });
    assertFound(diagnosis, 'prefix-taken');
    assert.match(
      diagnosis.findings[0]?.what ?? '',
      /"shop" belongs to the project "shop"; this one is called "Shop"/,
    );
  });

  test('schema-mismatch: data of another version', async (context) => {
    const bench = await started;
    await bench.redis.client().hset('orchestrator:{later}:project', { name: 'later', schema: '99' });
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    assertFound(await examine(context, bench, { args: ['later'], env }), 'schema-mismatch');
  });

  test('project-unknown: a name that nobody writes under', async (context) => {
    const bench = await started;
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    assertFound(await examine(context, bench, { args: ['shopp'], env }), 'project-unknown');
  });

  test('flush-stale: its only process has ended', async (context) => {
    const bench = await started;
    const port = String(await freePort());
    const env = { ...bench.env, ORCHESTRATOR_PREFIX: 'past', OTEL_EXPORTER_PROMETHEUS_PORT: port };
    const app = startApp(context, 'server.cjs', { env });
    await untilServed(Number(port));
    await app.end();
    const diagnosis = await examine(context, bench, { args: ['past'], env });
    assertFound(diagnosis, 'flush-stale');
    assert.match(diagnosis.findings[0]?.what ?? '', /The last write was .+ ago/);
  });

  test('series-near-cap: metrics with nearly as many series as they may have', async (context) => {
    const bench = await started;
    const { names, findings, code } = await examine(context, bench, { args: ['--max-series', '4'] });
    assert.deepEqual([...new Set(names)], ['series-near-cap']);
    assert.equal(code, 1);
    assert.match(findings[0]?.fix ?? '', /^orchestrator series shop --family /);
  });

  test('port-taken: another program, and another project', async (context) => {
    const bench = await started;
    const server = createServer((_request, response) => response.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onEnd(context, () => void server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(address.port) };
    const program = await examine(context, bench, { env });
    assertFound(program, 'port-taken');
    assert.match(program.findings[0]?.what ?? '', new RegExp(`another program, process ${process.pid}: `));
    const project = await examine(context, bench, { args: ['shopp'] });
    assertFound(project, 'port-taken', 'project-unknown');
    assert.match(
      project.findings[0]?.what ?? '',
      new RegExp(`the project "shop", process ${bench.app.pid}: `),
    );
  });

  test('endpoint-silent: processes run here, and nobody serves', async (context) => {
    const bench = await started;
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    assertFound(await examine(context, bench, { env }), 'endpoint-silent');
  });

  test('endpoint-fails: the process that serves cannot read its store', async (context) => {
    const bench = await started;
    const proxy = await startProxy(context, bench.redis.port);
    const port = await freePort();
    const env = { ...bench.env, ORCHESTRATOR_PREFIX: 'cut', OTEL_EXPORTER_PROMETHEUS_PORT: String(port) };
    startApp(context, 'server.cjs', { env: { ...env, ORCHESTRATOR_REDIS_URL: proxy.url } });
    await untilServed(port);
    proxy.refuse = true;
    proxy.cut();
    const { findings } = await examine(context, bench, { args: ['cut'], env });
    const fails = findings.find(({ name }) => name === 'endpoint-fails');
    assert.match(fails?.what ?? '', /answers 503: /);
  });
});
