import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { runApp, startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import { get, scrape } from '../helpers/scrape.js';

interface Bench {
  readonly redis: RedisServer;
  readonly env: Readonly<Record<string, string>>;
  /** Where jobs leave what they cannot send. */
  readonly spool: string;
  readonly left: () => string[];
  /** A job that counts `add` and ends. */
  readonly job: (add: number) => Promise<string>;
  /** The next process of the project on this host. */
  readonly next: (more?: Readonly<Record<string, string>>) => Promise<{ app: AppProcess; port: number }>;
}

async function bench(t: TestContext): Promise<Bench> {
  const redis = await startRedis(t, { persistent: true });
  const folder = scratchDir(t, 'spool');
  const spool = join(folder, 'shop.spool');
  const env = {
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_REDIS_URL: redis.url,
    ORCHESTRATOR_LOCAL_DIR: folder,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    ORCHESTRATOR_WIPE_TOKEN: 'let-me',
  };
  return {
    redis,
    env,
    spool,
    left: () => (existsSync(spool) ? readdirSync(spool) : []),
    async job(add) {
      const port = { OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
      const { code, stderr } = await runApp(t, 'job.cjs', { env: { ...env, ...port, ADD: String(add) } });
      assert.equal(code, 0);
      return stderr;
    },
    async next(more = {}) {
      const port = await freePort();
      const app = startApp(t, 'server.cjs', {
        env: { ...env, ...more, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) },
      });
      await app.number('listening');
      return { app, port };
    },
  };
}

const jobs = 'app_jobs_total';

describe('what a process cannot send before its end', { concurrency: 2 }, () => {
  test('waits in a private file, is sent once by the next process, and is said to be lost by none', async (t) => {
    const { redis, job, next, spool, left } = await bench(t);
    assert.doesNotMatch(await job(2), /warn/);
    await redis.stop();
    assert.doesNotMatch(await job(40), /METRICS_LOST/);
    assert.equal(left().length, 1);
    assert.equal(statSync(spool).mode & 0o777, 0o700);
    assert.equal(statSync(join(spool, left()[0] ?? '')).mode & 0o777, 0o600);
    await redis.start();
    const { port } = await next();
    await eventually(async () => {
      assert.equal((await scrape(port)).sum(jobs), 42);
      assert.deepEqual(left(), []);
    });
    const other = await next();
    await eventually(async () => assert.equal((await scrape(other.port)).sum(jobs), 42));
  });

  test('is dropped, counted and said if the project was wiped since', async (t) => {
    const { redis, job, next, left } = await bench(t);
    const { app, port } = await next();
    await eventually(async () => assert.equal((await scrape(port)).sum('orchestrator_instances'), 1));
    // It stops looking, so that the file is still there when the project is wiped.
    await redis.stop();
    await job(40);
    assert.equal(left().length, 1);
    app.send('SIGSTOP');
    await redis.start();
    const { port: wiping } = await next({ ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'elsewhere') });
    const headers = { authorization: 'Bearer let-me' };
    await eventually(async () =>
      assert.equal((await get(wiping, '/wipe-metrics', { method: 'POST', headers })).status, 200),
    );
    app.send('SIGCONT');
    await app.waitForStderr(/ORCHESTRATOR_SPOOL_DROPPED warn: .*the project was wiped since/);
    assert.deepEqual(left(), []);
    await eventually(async () => {
      const shown = await scrape(port);
      assert.equal(shown.sum(jobs), 0);
      assert.ok(shown.sum('orchestrator_points_dropped_total') > 0);
    });
  });

  test('is dropped with a reason if its file cannot be read', async (t) => {
    const { redis, job, next, spool, left } = await bench(t);
    await redis.stop();
    await job(40);
    const [name = ''] = left();
    writeFileSync(join(spool, name), readFileSync(join(spool, name), 'utf8').slice(0, -20));
    await redis.start();
    const { app, port } = await next();
    await app.waitForStderr(/ORCHESTRATOR_SPOOL_DROPPED warn: .* cannot be read/);
    assert.deepEqual(left(), []);
    assert.equal((await scrape(port)).sum(jobs), 0);
  });

  test('is lost where there is no folder for it, and both are said', async (t) => {
    const { redis, job, next, spool } = await bench(t);
    writeFileSync(spool, 'a file in its place');
    const { app } = await next({ OTEL_LOG_LEVEL: 'debug' });
    await app.waitForStderr(
      /debug: What a process cannot send before its end will be lost: .*ORCHESTRATOR_NO_SPOOL/,
    );
    await redis.stop();
    assert.match(await job(1), /ORCHESTRATOR_METRICS_LOST warn: /);
  });
});
