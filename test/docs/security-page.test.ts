import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PRELOAD, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { get } from '../helpers/scrape.js';
import { codeBlocks, readPage } from './pages.js';

/** Something of every kind: counters, a value that comes and goes, a kept one, more series than the cap. */
const APPLICATION = `
  const { metrics } = require('@opentelemetry/api');
  const meter = metrics.getMeter('application');
  const counter = meter.createCounter('counter');
  for (let id = 0; id < 20; id++) counter.add(1, { id });
  meter.createGauge('job.last_success.time').record(1);
  let round = 0;
  meter.createObservableGauge('gauge').addCallback((result) => result.observe(1, { round: round++ }));
  setInterval(() => counter.add(1, { id: 0 }), 50);`;

test('the ACL line of docs/security.md is enough, and no command in it is superfluous', async (t) => {
  const page = readPage('docs/security.md');
  const line = codeBlocks(page, 'text').find((block) => block.startsWith('ACL SETUSER')) ?? '';
  const redis = await startRedis(t);
  const client = redis.client();
  const [, ...acl] = line.split(' ');
  assert.equal(await client.call('ACL', ...acl), 'OK');
  await client.config('RESETSTAT');

  const port = await freePort();
  const [app, second] = [1, 2].map(() =>
    startProgram(t, process.execPath, ['--require', PRELOAD, '--eval', APPLICATION], {
      cwd: PACKAGE_ROOT,
      env: {
        ORCHESTRATOR_PREFIX: 'shop',
        ORCHESTRATOR_REDIS_URL: redis.urlFor('shop', 'secret'),
        ORCHESTRATOR_METRICS_TTL: '1',
        ORCHESTRATOR_MAX_SERIES: '10',
        ORCHESTRATOR_GAUGE_AGGREGATION: 'job.*=keep',
        ORCHESTRATOR_WIPE_TOKEN: 'token',
        OTEL_METRIC_EXPORT_INTERVAL: '100',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
        OTEL_LOG_LEVEL: 'warn',
      },
    }),
  );
  assert.ok(app !== undefined && second !== undefined);
  const granted = Array.from(line.matchAll(/ \+(\w+)/g), ([, command = '']) => command);
  const used = async (): Promise<Set<string>> => {
    const stats = await client.info('commandstats');
    return new Set(Array.from(stats.matchAll(/^cmdstat_(\w+):calls=[1-9]/gm), ([, command = '']) => command));
  };
  await eventually(async () => assert.equal((await get(port, '/metrics')).status, 200));
  // A sweep comes every half TTL, and needs something that has expired; its lock is asked for by both.
  await eventually(async () => {
    const commands = await used();
    for (const command of ['hscan', 'exists', 'pttl']) assert.ok(commands.has(command));
  });
  const wipe = await get(port, '/wipe-metrics', {
    method: 'POST',
    headers: { authorization: 'Bearer token' },
  });
  assert.equal(wipe.status, 200, wipe.body);
  await eventually(async () => assert.match((await get(port, '/metrics')).body, /^counter_total/m));
  for (const one of [app, second]) assert.equal((await one.end('SIGTERM')).stderr, '');

  // Without +setname and the like: what the test's own connection uses is not the application's.
  const calls = await used();
  assert.deepEqual(
    granted.filter((command) => !calls.has(command)),
    [],
    'granted, but not used',
  );
  const log: unknown = await client.call('ACL', 'LOG');
  const denied = JSON.stringify(log).match(/"object","([^"]*)"/g) ?? [];
  assert.deepEqual([...new Set(denied)], ['"object","orchestrator:projects"']);

  // Nothing to a neighbour, with whatever it may call.
  await client.hset('orchestrator:{hr}:project', { name: 'hr' });
  await client.zadd('orchestrator:{hr}:instances', 1, 'lease');
  const shop = redis.client({ username: 'shop', password: 'secret' });
  const lua = "return redis.call('HGETALL', 'orchestrator:{hr}:project')";
  const ATTEMPTS: Readonly<Record<string, readonly string[]>> = {
    eval: [lua, '1', 'orchestrator:{hr}:project'],
    evalsha: [String(await client.script('LOAD', lua)), '1', 'orchestrator:{hr}:project'],
    hset: ['orchestrator:{hr}:project', 'name', 'shop'],
    hdel: ['orchestrator:{hr}:project', 'name'],
    hexists: ['orchestrator:{hr}:project', 'name'],
    hget: ['orchestrator:{hr}:project', 'name'],
    hmget: ['orchestrator:{hr}:project', 'name'],
    hscan: ['orchestrator:{hr}:project', '0'],
    pexpire: ['orchestrator:{hr}:project', '1'],
    set: ['orchestrator:{hr}:project', 'x'],
    zadd: ['orchestrator:{hr}:instances', '1', 'x'],
    zrange: ['orchestrator:{hr}:instances', '0', '-1'],
    zrem: ['orchestrator:{hr}:instances', 'lease'],
    zscore: ['orchestrator:{hr}:instances', 'lease'],
  };
  for (const command of granted.filter((one) => one !== 'time')) {
    const args = ATTEMPTS[command] ?? ['orchestrator:{hr}:project'];
    await assert.rejects(shop.call(command, ...args), /NOPERM/, command);
  }
  // Not by a key that the script does not declare either, nor by a command that was not granted.
  await assert.rejects(shop.call('eval', lua, '0'), /NOPERM|ACL|permission|can't access/i);
  for (const [command, ...args] of [
    ['keys', '*'],
    ['scan', '0'],
    ['flushall'],
    ['config', 'get', '*'],
    ['acl', 'list'],
    ['script', 'flush'],
    ['publish', 'c', 'x'],
    ['subscribe', 'c'],
    ['copy', 'orchestrator:{hr}:project', 'orchestrator:{shop}:x'],
    ['dump', 'orchestrator:{hr}:project'],
    ['select', '1'],
    ['monitor'],
    ['client', 'list'],
    ['info'],
  ] as const)
    await assert.rejects(shop.call(command, ...args), /NOPERM/, command);
  assert.deepEqual(await client.hgetall('orchestrator:{hr}:project'), { name: 'hr' });
});
