import assert from 'node:assert/strict';
import { test } from 'node:test';

import { collectMetrics, start } from '../../src/index.js';

// The configuration page promises that an option does what its variable does, also where OpenTelemetry reads the variable.
test('resource attributes given as an option are in target_info', async (t) => {
  const before = { ...process.env };
  const orchestrator = start({
    prefix: 'options',
    store: 'memory',
    prometheusPort: 0,
    logLevel: 'none',
    serviceName: 'shop',
    resourceAttributes: 'team=checkout,deployment.environment.name=test',
  });
  t.after(() => orchestrator?.shutdown());
  assert.deepEqual({ ...process.env }, before);
  // A scrape does not wait for a process that is slow to flush.
  await orchestrator?.flush();
  const { body } = await collectMetrics();
  const info = /^target_info\{(?<labels>.*)\} 1$/m.exec(body.toString())?.groups?.['labels'] ?? '';
  for (const label of ['service_name="shop"', 'team="checkout"', 'deployment_environment_name="test"'])
    assert.ok(info.includes(label), info);
});
