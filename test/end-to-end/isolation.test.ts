import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, type Tally } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { get, scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

test('two projects on one Redis, each with a user limited to its prefix, do not see each other', async (t) => {
  const users = ['shop', 'bank'].map(
    (name) =>
      `${name} on >${name}-secret resetkeys ~orchestrator:{${name}}:* -@all +@all -keys -scan -flushall -flushdb`,
  );
  const redis = await startRedis(t, { users, password: 'admin' });
  const wipeToken = 'let-me';
  const open = async (
    name: string,
    requests: number,
  ): Promise<{ metricsPort: number; port: number; tally: Tally }> => {
    const metricsPort = await freePort();
    const app = startApp(t, 'server.cjs', {
      env: {
        ORCHESTRATOR_PREFIX: name,
        ORCHESTRATOR_REDIS_URL: redis.urlFor(name, `${name}-secret`),
        ORCHESTRATOR_WIPE_TOKEN: wipeToken,
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      },
    });
    const port = await app.number('listening');
    return { metricsPort, port, tally: await drive({ requests, ports: [port] }) };
  };
  const shop = await open('shop', 300);
  const bank = await open('bank', 500);
  await eventually(async () => assertExact(await scrape(shop.metricsPort), shop.tally));
  await eventually(async () => assertExact(await scrape(bank.metricsPort), bank.tally));

  const allowed = /^orchestrator:(?:\{(?:shop|bank)\}:|projects$)/;
  for (const key of await redis.keys()) assert.match(key, allowed);

  const wipe = (authorization: string): Promise<{ status: number }> =>
    get(shop.metricsPort, '/wipe-metrics', { method: 'POST', headers: { authorization } });
  assert.equal((await wipe('Bearer wrong')).status, 401);
  assertExact(await scrape(shop.metricsPort), shop.tally);
  assert.equal((await wipe(`Bearer ${wipeToken}`)).status, 200);
  assert.equal((await scrape(shop.metricsPort)).sum('app_requests_total'), 0);
  assertExact(await scrape(bank.metricsPort), bank.tally);

  const tally = await drive({ requests: 100, ports: [shop.port] });
  await eventually(async () => assertExact(await scrape(shop.metricsPort), tally));
  assertExact(await scrape(bank.metricsPort), bank.tally);
});

test('a user of another prefix is refused with one warning that names the reason, and the application runs', async (t) => {
  const redis = await startRedis(t, { users: ['bank on >secret ~orchestrator:{bank}:* +@all'] });
  const app = startApp(t, 'server.cjs', {
    env: {
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_REDIS_URL: redis.urlFor('bank', 'secret'),
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    },
  });
  const port = await app.number('listening');
  await eventually(() => assert.match(app.stderr, /warn: .*(?:permission|NOPERM|ACL)/i));
  const tally = await drive({ requests: 100, ports: [port] });
  assert.equal(tally.failed + tally.unexpected, 0);
  assert.deepEqual(await redis.keys(), []);
  assert.doesNotMatch(app.stderr, /secret/);
});

test('two names that become one prefix: the second is refused, with both names', async (t) => {
  const redis = await startRedis(t);
  const open = async (prefix: string): Promise<ReturnType<typeof startApp>> =>
    startApp(t, 'server.cjs', {
      env: {
        ORCHESTRATOR_PREFIX: prefix,
        ORCHESTRATOR_REDIS_URL: redis.url,
        OTEL_METRIC_EXPORT_INTERVAL: '200',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      },
    });
  await (await open('My Shop')).number('listening');
  await eventually(async () => assert.ok((await redis.keys()).includes('orchestrator:{my_shop}:project')));
  const second = await open('my.shop');
  await second.number('listening');
  await eventually(() => assert.match(second.stderr, /warn: .*My Shop/));
  assert.match(second.stderr, /my\.shop/);
});
