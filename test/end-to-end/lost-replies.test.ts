import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, Tally } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { startProxy } from '../helpers/proxy.js';
import { startRedis } from '../helpers/redis.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

const LOSSES = 50;

test(`totals are exact after ${LOSSES} commands that Redis applied and whose replies were lost`, async (t) => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const env = { ORCHESTRATOR_PREFIX: 'shop', OTEL_METRIC_EXPORT_INTERVAL: '100' };
  const metricsPort = await freePort();
  // Who looks is not behind the proxy.
  startApp(t, 'server.cjs', {
    env: { ...env, ORCHESTRATOR_REDIS_URL: redis.url, OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort) },
  });
  const writers = await Promise.all(
    [0, 1].map(async () => {
      const settings = {
        ORCHESTRATOR_REDIS_URL: proxy.url,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      };
      return startApp(t, 'server.cjs', { env: { ...env, ...settings } });
    }),
  );
  const ports = await Promise.all(writers.map((writer) => writer.number('listening')));

  let lost = 0;
  proxy.decide = (command) => {
    const writes = command === 'evalsha' || command === 'eval';
    if (!writes || lost >= LOSSES || Math.random() < 0.5) return 'forward';
    lost++;
    return 'dropReply';
  };
  // Until all are lost, so that each flush has something to lose.
  const tally = new Tally();
  await drive({ requests: Infinity, ports, concurrency: 2, pauseMs: 2, tally, until: () => lost >= LOSSES });
  await drive({ requests: 200, ports, tally });
  assert.equal(tally.failed + tally.unexpected, 0);
  await eventually(async () => assertExact(await scrape(metricsPort), tally));

  for (const writer of writers) await writer.end('SIGTERM');
  assertExact(await scrape(metricsPort), tally);
});
