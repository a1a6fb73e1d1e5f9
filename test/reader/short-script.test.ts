import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startProgram } from '../helpers/app-process.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** Nothing but the reader keeps this script alive. `createStore` in the form that the documentation of 0.1.0 showed. */
const SCRIPT = `
  const { MeterProvider } = require('@opentelemetry/sdk-metrics');
  const { createStore, RedisMetricReader } = require('@org/orchestrator');
  const context = {
    prefix: 'shop', project: 'shop', lease: 'lease', leaseMs: 15_000, ttlMs: 86_400_000, maxSeries: 2000,
    warn: (message) => process.emitWarning(message),
  };
  const target = { store: 'redis', redisUrl: process.env.REDIS, redisMode: 'standalone', redisNodes: [] };
  const reader = new RedisMetricReader({ store: createStore(target, context, 5000) });
  const provider = new MeterProvider({ readers: [reader] });
  provider.getMeter('shop').createCounter('orders').add(3);
  provider.forceFlush().then(() => reader.snapshot()).then(
    ({ families }) => console.log('families', families.map(({ family }) => family.name).join()),
    (error) => console.log('failed', error.code),
  );`;

test('a script with an SDK of its own gets to its last line, and hears that the store is away', async (t) => {
  const redis = await startRedis(t);
  const run = () =>
    startProgram(t, process.execPath, ['--eval', SCRIPT], {
      cwd: PACKAGE_ROOT,
      env: { REDIS: redis.url },
    }).ending;
  assert.deepEqual(await run(), { code: 0, signal: null, stdout: 'families orders\n', stderr: '' });
  const keys = await redis.client().keys('orchestrator:{*');
  assert.ok(keys.includes('orchestrator:{shop}:families'), keys.join());
  assert.ok(
    keys.every((key) => key.startsWith('orchestrator:{shop}:')),
    keys.join(),
  );

  await redis.stop('SIGKILL');
  const { code, stdout, stderr } = await run();
  assert.equal(code, 0);
  assert.equal(stdout, 'failed ORCHESTRATOR_STORE_UNAVAILABLE\n');
  assert.match(stderr, /Warning: .*Metrics wait in memory/);
});
