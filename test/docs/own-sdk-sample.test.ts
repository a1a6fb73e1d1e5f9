import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { startProgram, type AppProcess, type Environment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { get, scrape } from '../helpers/scrape.js';
import { codeBlocks, readPage } from './pages.js';

/** The sample "With an SDK of your own", as printed. */
function sample(): string {
  const found = codeBlocks(readPage('docs/getting-started.md'), 'js').filter((block) =>
    block.includes('StoreMetricReader'),
  );
  assert.equal(found.length, 1);
  return found[0] ?? '';
}

/** A project of a reader's own, with this package and the SDK installed, and the sample in `app.js`. */
function project(t: TestContext): string {
  const dir = scratchDir(t, 'own-sdk');
  mkdirSync(join(dir, 'node_modules', '@org'), { recursive: true });
  symlinkSync(PACKAGE_ROOT, join(dir, 'node_modules', '@org', 'orchestrator'));
  const installed = join(PACKAGE_ROOT, 'node_modules', '@opentelemetry');
  symlinkSync(installed, join(dir, 'node_modules', '@opentelemetry'));
  writeFileSync(join(dir, 'app.js'), sample());
  writeFileSync(join(dir, 'package.json'), '{ "name": "not-the-prefix" }\n');
  return dir;
}

interface Sample {
  readonly app: AppProcess;
  readonly port: number;
}

async function run(t: TestContext, cwd: string, env: Environment): Promise<Sample> {
  const port = await freePort();
  const app = startProgram(t, process.execPath, ['app.js'], { cwd, env: { PORT: String(port), ...env } });
  await eventually(() => get(port, '/metrics'));
  return { app, port };
}

/** Two processes are summed, and what the first had counted stays when it has ended. */
async function assertSummed(t: TestContext, env: Environment): Promise<void> {
  const dir = project(t);
  const [first, second] = [await run(t, dir, env), await run(t, dir, env)];
  for (const { port } of [first, second])
    await eventually(async () => assert.equal((await scrape(port)).sum('orders_total'), 6));
  const { code, signal, stderr } = await first.app.end('SIGTERM');
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  assert.equal((await scrape(second.port)).sum('orders_total'), 6);
}

test('the sample for an SDK of your own, as printed, with the local store', (t) =>
  assertSummed(t, { ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'local') }));

test('the sample for an SDK of your own, as printed, with Redis: under the prefix that it names', async (t) => {
  const redis = await startRedis(t);
  await assertSummed(t, { ORCHESTRATOR_REDIS_URL: redis.url });
  const keys = await redis.client().keys('orchestrator:{*');
  assert.ok(keys.length > 0);
  for (const key of keys) assert.match(key, /^orchestrator:\{shop\}:/);
});

test('the sample says when Redis is away, and answers 503', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const { app, port } = await run(t, project(t), { ORCHESTRATOR_REDIS_URL: redis.url });
  await eventually(() => scrape(port));
  await redis.stop('SIGKILL');
  await app.waitForStderr(/Warning: .*Metrics wait in memory/);
  const { status, body } = await get(port, '/metrics');
  assert.equal(status, 503);
  assert.match(body, /ECONNREFUSED/);
  await redis.start('kept');
  await eventually(async () => assert.equal((await scrape(port)).sum('orders_total'), 3));
});
