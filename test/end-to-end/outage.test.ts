import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, Tally } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { startProxy } from '../helpers/proxy.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { get, scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

interface Shop {
  readonly apps: readonly AppProcess[];
  readonly ports: readonly number[];
  readonly metricsPort: number;
  readonly tally: Tally;
  /** Traffic until told to stop. */
  readonly drive: (until: () => boolean) => Promise<Tally>;
}

/** Two processes on one Redis. */
async function shop(t: TestContext, redisUrl: string): Promise<Shop> {
  const metricsPort = await freePort();
  const env = {
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_REDIS_URL: redisUrl,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
  };
  const apps = [startApp(t, 'server.cjs', { env }), startApp(t, 'server.mjs', { env })];
  const ports = await Promise.all(apps.map((app) => app.number('listening')));
  const tally = new Tally();
  return {
    apps,
    ports,
    metricsPort,
    tally,
    drive: (until) => drive({ requests: Infinity, ports, concurrency: 2, tally, until, pauseMs: 2 }),
  };
}

/** Traffic before, during and after `failure`, none of which may notice it. */
async function underTraffic(running: Shop, failure: () => Promise<void>): Promise<void> {
  const warm = await drive({ requests: 200, ports: running.ports, tally: running.tally });
  await eventually(async () => assertExact(await scrape(running.metricsPort), warm));
  let over = false;
  const traffic = running.drive(() => over);
  await failure().finally(() => (over = true));
  await traffic;
  assert.deepEqual(
    { failed: running.tally.failed, unexpected: running.tally.unexpected },
    { failed: 0, unexpected: 0 },
  );
  for (const app of running.apps) assert.ok(app.running, app.stderr);
}

/** A scrape that cannot be answered truly is a failure to Prometheus (`up` becomes 0), never a 200 with less. */
async function assertUnavailable(port: number): Promise<void> {
  await eventually(async () => {
    const { status, body } = await get(port, '/metrics');
    assert.equal(status, 503);
    assert.notEqual(body, '');
    assert.equal((await get(port, '/readyz')).status, 503);
    assert.equal((await get(port, '/healthz')).status, 200);
  });
}

function warnings(app: AppProcess): string[] {
  return app.stderr.split('\n').filter((line) => line.includes('warn:'));
}

describe('the application does not notice', () => {
  test('Redis stopped for 20 s and started with its data: totals are exact', async (t) => {
    const redis = await startRedis(t, { persistent: true });
    const running = await shop(t, redis.url);
    await underTraffic(running, async () => {
      await redis.stop();
      await assertUnavailable(running.metricsPort);
      await sleep(20_000);
      await redis.start();
    });
    await eventually(async () => assertExact(await scrape(running.metricsPort), running.tally));
    for (const app of running.apps) {
      assert.ok(
        warnings(app).length >= 1 && warnings(app).length <= 4,
        `one warning per change of state:\n${app.stderr}`,
      );
    }
  });

  test('Redis crashed twice and came back with its data: totals are exact', async (t) => {
    const redis = await startRedis(t, { persistent: true });
    const running = await shop(t, redis.url);
    await underTraffic(running, async () => {
      for (let crash = 0; crash < 2; crash++) {
        await redis.stop('SIGKILL');
        await sleep(1500);
        await redis.start();
        await eventually(async () => assert.equal((await get(running.metricsPort, '/readyz')).status, 200));
      }
    });
    await eventually(async () => assertExact(await scrape(running.metricsPort), running.tally));
  });

  test('Redis started empty: counting restarts, and what follows is exact', async (t) => {
    const redis = await startRedis(t);
    const running = await shop(t, redis.url);
    await underTraffic(running, async () => {
      await redis.stop('SIGKILL');
      await sleep(3000);
      await redis.start('empty');
    });
    await eventually(async () => assert.equal((await get(running.metricsPort, '/readyz')).status, 200));
    await settled(running);
    const base = (await scrape(running.metricsPort)).sum('app_requests_total');
    assert.ok(base > 0 && base <= running.tally.count(), `${base} of ${running.tally.count()}`);
    await drive({ requests: 300, ports: running.ports });
    await eventually(async () =>
      assert.equal((await scrape(running.metricsPort)).sum('app_requests_total'), base + 300),
    );
  });

  test('FLUSHALL: labels and descriptions are written again', async (t) => {
    const redis = await startRedis(t);
    const running = await shop(t, redis.url);
    await underTraffic(running, async () => {
      await redis.client().flushall();
    });
    await settled(running);
    const before = await scrape(running.metricsPort);
    await drive({ requests: 300, ports: running.ports });
    await eventually(async () => {
      const after = await scrape(running.metricsPort);
      assert.equal(after.sum('app_requests_total') - before.sum('app_requests_total'), 300);
      assert.equal(after.families.get('app_requests_total')?.help, 'Requests by route and status');
    });
  });

  const hangs: Array<{ name: string; begin: (tools: Tools) => void; end: (tools: Tools) => void }> = [
    { name: 'a Redis that hangs', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
    {
      name: 'a network that swallows everything',
      begin: ({ proxy }) => (proxy.blackhole = true),
      end: ({ proxy }) => {
        proxy.blackhole = false;
        proxy.cut();
      },
    },
    {
      name: 'connections that are refused',
      begin: ({ proxy }) => {
        proxy.refuse = true;
        proxy.cut();
      },
      end: ({ proxy }) => (proxy.refuse = false),
    },
    {
      name: 'slow replies',
      begin: ({ proxy }) => (proxy.latencyMs = 700),
      end: ({ proxy }) => (proxy.latencyMs = 0),
    },
  ];
  for (const { name, begin, end } of hangs) {
    test(`${name}: totals are exact`, async (t) => {
      const redis = await startRedis(t);
      const proxy = await startProxy(t, redis.port);
      const running = await shop(t, proxy.url);
      await underTraffic(running, async () => {
        begin({ redis, proxy });
        await sleep(6000);
        end({ redis, proxy });
      });
      await eventually(async () => assertExact(await scrape(running.metricsPort), running.tally));
    });
  }

  const refusals: Array<{ name: string; command: [string, ...string[]]; undo: [string, ...string[]] }> = [
    {
      name: 'no memory',
      command: ['CONFIG', 'SET', 'maxmemory', '1'],
      undo: ['CONFIG', 'SET', 'maxmemory', '0'],
    },
    { name: 'READONLY', command: ['REPLICAOF', '127.0.0.1', '1'], undo: ['REPLICAOF', 'NO', 'ONE'] },
    { name: 'scripts gone', command: ['SCRIPT', 'FLUSH'], undo: ['SCRIPT', 'FLUSH'] },
    { name: 'writes paused', command: ['CLIENT', 'PAUSE', '3000', 'WRITE'], undo: ['PING'] },
  ];
  for (const { name, command, undo } of refusals) {
    test(`${name}: totals are exact`, async (t) => {
      const redis = await startRedis(t, { config: ['maxmemory-policy noeviction'] });
      const running = await shop(t, redis.url);
      const admin = redis.client();
      await underTraffic(running, async () => {
        await admin.call(...command);
        await sleep(3000);
        await admin.call(...undo);
      });
      await eventually(async () => assertExact(await scrape(running.metricsPort), running.tally));
    });
  }
});

test('an application that starts while Redis is away counts from its first request', async (t) => {
  const redis = await startRedis(t);
  await redis.stop();
  const running = await shop(t, redis.url);
  await drive({ requests: 300, ports: running.ports, tally: running.tally });
  await assertUnavailable(running.metricsPort);
  await redis.start('empty');
  await eventually(async () => assertExact(await scrape(running.metricsPort), running.tally));
});

interface Tools {
  readonly redis: RedisServer;
  readonly proxy: Awaited<ReturnType<typeof startProxy>>;
}

/** Resolves when nothing is left to be flushed: no scrape shows more than the one before, for a few intervals. */
async function settled({ metricsPort }: Shop): Promise<void> {
  let last = -1;
  await eventually(
    async () => {
      const now = (await scrape(metricsPort)).sum('app_requests_total');
      const same = now === last;
      last = now;
      assert.ok(same && now > 0, 'still flushing');
    },
    { everyMs: 2500 },
  );
}
