import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { startInstance } from '../local/instance.js';
import { freePort } from '../local/ports.js';
import { scratchFolder } from '../local/scratch.js';
import { freshDatabase } from './support/shared-servers.js';

const dir = scratchFolder();
let env: Record<string, string>;
before(async () => {
  env = await freshDatabase();
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** Far more than a start takes on a busy machine, and less than an exporter that waits for its collector. */
const START_MS = 15_000;
/** Docker kills after 10 s. */
const END_MS = 10_000;

test('the start does not wait for a receiver of traces that is not there, and neither does the end', async () => {
  const collector = `http://127.0.0.1:${await freePort()}/v1/traces`;
  const port = await freePort();
  const start = performance.now();
  const instance = await startInstance(dir, 'untraced', port, {
    ...env,
    PORT: String(port),
    ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${env['REDIS_PORT']}`,
    ORCHESTRATOR_PREFIX: env['DB_NAME'] ?? '',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector,
    OTEL_BSP_SCHEDULE_DELAY: '100',
  });
  const started = performance.now() - start;
  try {
    // Something to be traced, so that there is something that cannot be sent.
    assert.equal((await fetch(`http://127.0.0.1:${port}/api/users/1`)).status, 401);
  } finally {
    await instance.stop('SIGTERM');
  }
  const ended = performance.now() - start - started;
  assert.equal(instance.exitCode, 0, instance.output);
  assert.ok(started < START_MS, `live after ${started} ms`);
  assert.ok(ended < END_MS, `ended after ${ended} ms`);
});
