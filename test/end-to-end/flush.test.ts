import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { runApp, startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startProxy } from '../helpers/proxy.js';
import { startRedis } from '../helpers/redis.js';
import { get, scrape } from '../helpers/scrape.js';
import { scratchDir } from '../helpers/scratch.js';
import { newStore, SHARED_STORES } from './stores.js';

/** So long that nothing but `flush()` can have sent it. */
const NEVER = '600000';

interface Function {
  readonly app: AppProcess;
  /** One call of the function; resolves with what `flush()` said. */
  readonly call: (query?: string) => Promise<string>;
}

async function startFunction(t: TestContext, env: Readonly<Record<string, string>>): Promise<Function> {
  const app = startApp(t, 'flush.cjs', {
    env: { ...env, OTEL_METRIC_EXPORT_INTERVAL: NEVER, OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
  });
  const port = await app.number('listening');
  return { app, call: async (query = '') => (await get(port, `/${query}`)).body };
}

async function startWatcher(t: TestContext, env: Readonly<Record<string, string>>): Promise<number> {
  const port = await freePort();
  const app = startApp(t, 'server.cjs', { env: { ...env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) } });
  await app.number('listening');
  return port;
}

const jobs = async (port: number): Promise<number> => (await scrape(port)).sum('app_jobs_total');

describe('flush()', { concurrency: 2 }, () => {
  for (const store of SHARED_STORES) {
    test(`what it has sent outlives a process that is frozen and killed after the call, ${store}`, async (t) => {
      const env = { ...(await newStore(t, store)), ORCHESTRATOR_PREFIX: 'shop' };
      const watcher = await startWatcher(t, env);
      const { app, call } = await startFunction(t, env);
      assert.equal(await call(), 'true');
      assert.equal(await jobs(watcher), 1);
      app.send('SIGSTOP');
      assert.equal(await jobs(watcher), 1);
      app.send('SIGCONT');
      assert.equal(await call('?timeout=30000'), 'true');
      await app.end('SIGKILL');
      assert.equal(await jobs(watcher), 2);
    });
  }

  test('says false when its time is over, and what waits is sent once by the next one', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const env = { ORCHESTRATOR_PREFIX: 'shop', ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'flush') };
    const watcher = await startWatcher(t, { ...env, ORCHESTRATOR_REDIS_URL: redis.url });
    const { call } = await startFunction(t, { ...env, ORCHESTRATOR_REDIS_URL: proxy.url });
    assert.equal(await call('?timeout=30000'), 'true');
    proxy.blackhole = true;
    assert.equal(await call('?timeout=50'), 'false');
    assert.equal(await call('?timeout=50'), 'false');
    assert.equal(await jobs(watcher), 1);
    proxy.blackhole = false;
    proxy.cut();
    await eventually(async () => assert.equal(await call('?timeout=30000'), 'true'));
    const shown = await jobs(watcher);
    // The calls of the line above count as well.
    assert.ok(shown >= 4, String(shown));
    assert.equal(await call('?timeout=30000'), 'true');
    assert.equal(await jobs(watcher), shown + 1);
  });

  test('keeps a process alive that has nothing else to do', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    proxy.latencyMs = 100;
    const { code, stdout, stderr } = await runApp(t, 'flush.cjs', {
      env: {
        AT_ONCE: '1',
        ORCHESTRATOR_PREFIX: 'shop',
        ORCHESTRATOR_REDIS_URL: proxy.url,
        OTEL_METRIC_EXPORT_INTERVAL: NEVER,
      },
    });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'flushed true\n' }, stderr);
  });

  test('is true where nothing runs', async (t) => {
    const { stdout } = await runApp(t, 'flush.cjs', { env: { AT_ONCE: '1' }, nodeArgs: [] });
    assert.equal(stdout, 'flushed true\n');
  });

  test('refuses a timeout that is none, and names what is allowed', async (t) => {
    const env = { ORCHESTRATOR_PREFIX: 'shop', ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'flush') };
    const { call } = await startFunction(t, env);
    for (const timeout of ['0', '-1', 'NaN', 'Infinity', '2147483648'])
      assert.match(
        await call(`?timeout=${timeout}`),
        /^ORCHESTRATOR_INVALID_SETTING: .*timeoutMs.*above 0 and up to 2147483647/,
      );
  });
});
