import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, Tally } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';
import { newStore, SHARED_STORES } from './stores.js';

for (const store of SHARED_STORES) {
  test(`${store}: every process is ended and started again, and counting goes on where it was`, async (t) => {
    const metricsPort = await freePort();
    const env = {
      ...(await newStore(t, store)),
      ORCHESTRATOR_PREFIX: 'shop',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    };
    const tally = new Tally();
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
      const apps = ['server.cjs', 'server.mjs'].map((fixture) => startApp(t, fixture, { env }));
      const ports = await Promise.all(apps.map((app) => app.number('listening')));
      // What the last generation left is there before this one adds to it.
      await eventually(async () => assertExact(await scrape(metricsPort), tally));
      await drive({ requests: 400, ports, tally });
      // Nothing flushes for a process that is killed.
      if (signal === 'SIGKILL') await eventually(async () => assertExact(await scrape(metricsPort), tally));
      await Promise.all(apps.map((app) => app.end(signal)));
      for (const app of apps) assert.doesNotMatch(app.stderr, /warn:/);
    }
    startApp(t, 'server.cjs', { env });
    await eventually(async () => assertExact(await scrape(metricsPort), tally));
    assert.equal(tally.count(), 1200);
  });
}
