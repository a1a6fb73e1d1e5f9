import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

test('where nothing can be written there is memory instead of the local store, and one warning', async (t) => {
  const metricsPort = await freePort();
  const app = startApp(t, 'server.cjs', {
    env: {
      // Not a folder without rights: root, as which tests in containers run, would be let in.
      ORCHESTRATOR_LOCAL_DIR: '/proc/orchestrator',
      ORCHESTRATOR_PREFIX: 'shop',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    },
  });
  const tally = await drive({ requests: 300, ports: [await app.number('listening')] });
  await eventually(async () => assertExact(await scrape(metricsPort), tally));
  const { signal, stderr } = await app.end('SIGTERM');
  assert.equal(signal, 'SIGTERM');
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 2, stderr);
  const [warning = '', start = ''] = lines;
  assert.match(warning, /warn: The local store cannot use \/proc\/orchestrator\/shop/);
  assert.match(warning, /Used instead: memory.*Set ORCHESTRATOR_LOCAL_DIR or ORCHESTRATOR_REDIS_URL\.$/);
  assert.match(start, /store memory/);
});
