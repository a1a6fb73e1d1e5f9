import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive } from '../helpers/load.js';
import { startPm2 } from '../helpers/pm2.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';
import { newStore, SHARED_STORES } from './stores.js';

for (const store of SHARED_STORES) {
  test(`${store}: 8 processes serve 10,000 requests, and each of them shows exactly those`, async (t) => {
    const ports: number[] = [];
    for (let index = 0; index < 8; index++) ports.push(await freePort());
    const [plainA = 0, plainB = 0, pm2Metrics = 0, pm2App = 0, ...workers] = ports;
    const env = {
      ...(await newStore(t, store)),
      ORCHESTRATOR_PREFIX: 'shop',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    };

    const cluster = startApp(t, 'cluster.cjs', {
      env: { ...env, WORKERS: '4', METRICS_PORTS: workers.join(',') },
    });
    const plain = [plainA, plainB].map((port, index) =>
      startApp(t, index === 0 ? 'server.cjs' : 'server.mjs', {
        env: { ...env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) },
      }),
    );
    await startPm2(t, 'cluster', {
      ...env,
      OTEL_EXPORTER_PROMETHEUS_PORT: String(pm2Metrics),
      PORT: String(pm2App),
    });
    const applications = [cluster, ...plain].map((app) => app.number('listening'));

    const tally = await drive({ requests: 10_000, ports: [...(await Promise.all(applications)), pm2App] });
    assert.equal(tally.failed + tally.unexpected, 0);
    assert.equal(tally.count(), 10_000);

    for (const port of [...workers, plainA, plainB, pm2Metrics]) {
      await eventually(async () => assertExact(await scrape(port), tally));
    }
  });
}
