import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

/** docs/operations.md promises a second; a slow machine has time. */
const TAKEOVER_DEADLINE_MS = 5000;

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`the process that serves is ended by ${signal}, and another one serves`, async (t) => {
    const redis = await startRedis(t);
    const metricsPort = await freePort();
    const env = {
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_REDIS_URL: redis.url,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    };
    const apps: AppProcess[] = [];
    for (const fixture of ['server.cjs', 'server.mjs', 'server.cjs']) {
      const app = startApp(t, fixture, { env });
      await app.number('listening');
      // So that the first serves; which of the others succeeds it is nobody's business.
      if (apps.length === 0) await eventually(() => scrape(metricsPort));
      apps.push(app);
    }
    const ports = await Promise.all(apps.map((app) => app.number('listening')));
    const tally = await drive({ requests: 600, ports });
    await eventually(async () => assertExact(await scrape(metricsPort), tally));

    for (const app of apps.slice(0, -1)) {
      await app.end(signal);
      await eventually(async () => assertExact(await scrape(metricsPort), tally), {
        deadlineMs: TAKEOVER_DEADLINE_MS,
      });
      assert.doesNotMatch(app.stderr, /warn:/, 'a port that another process of the project has is no error');
    }
  });
}
