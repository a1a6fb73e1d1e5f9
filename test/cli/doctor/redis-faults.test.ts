import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { startApp } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import { suiteOwner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { startProxy } from '../../helpers/proxy.js';
import { startRedis } from '../../helpers/redis.js';
import { FilledStore, traffic } from '../filled-store.js';
import { runOrchestrator } from '../program.js';
import { assertFound, examine, redisBench, untilServed } from './bench.js';

/** Faults of the store and the project in it, each planted in a project where nothing else is wrong. */

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

  test('redis-memory: nearly full', async (context) => {
    const bench = await started;
    const client = bench.redis.client();
    const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', String(Math.round(used * 1.08)));
    assertFound(await examine(context, bench), 'redis-memory');
    await client.config('SET', 'maxmemory', '0');
  });

  test('redis-write: a Redis that wants replicas before it writes', async (context) => {
    const bench = await started;
    const client = bench.redis.client();
    await client.config('SET', 'min-replicas-to-write', '1');
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis, 'redis-write');
    assert.match(diagnosis.findings[0]?.what ?? '', /refuses to write: NOREPLICAS/);
    await client.config('SET', 'min-replicas-to-write', '0');
  });

  test('redis-memory with redis-write: full', async (context) => {
    const bench = await started;
    const client = bench.redis.client();
    await client.config('SET', 'maxmemory', '1mb');
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis, 'redis-memory', 'redis-write');
    assert.match(diagnosis.findings[0]?.what ?? '', /OOM command not allowed/);
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

  for (const [name, routes] of [
    ['series-near-cap', 17],
    ['series-over-cap', 40],
  ] as const) {
    test(`${name}: one metric with ${routes} values of a label, where 20 are allowed`, async (context) => {
      const bench = await started;
      const instance = new FilledStore(context, { redis: bench.redis }).instance(name, { maxSeries: 20 });
      await instance.send(
        traffic(
          1,
          Array.from({ length: routes }, (_, index) => `/r/${index}`),
        ),
      );
      const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
      const diagnosis = await examine(context, bench, { args: [name, '--max-series', '20'], env });
      assertFound(diagnosis, name);
      const [{ what, fix } = { what: '', fix: '' }] = diagnosis.findings;
      assert.match(
        what,
        /^http\.server\.request\.duration has (?:17 of the 20 series|more series than .* \(20\))/,
      );
      assert.equal(fix, `orchestrator series ${name} --family "http.server.request.duration"`);
      // What it says to type works.
      const { stdout } = await runOrchestrator(context, fix.replaceAll('"', '').split(' ').slice(1), {
        env: bench.env,
      });
      assert.match(stdout, /^http_server_request_duration_seconds /m);
    });
  }
});
