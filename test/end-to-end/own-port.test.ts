import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { get } from '../helpers/scrape.js';

/** The metrics server has the port by then: its process has lived for longer than a second. */
const LATE_MS = '2500';

describe('an application that listens on the port of the metrics server', { concurrency: true }, () => {
  for (const [name, workers, after] of [
    ['half a second after its start', '0', '500'],
    ['when the metrics server has it', '0', LATE_MS],
    ['in the workers of a cluster', '2', '500'],
    ['in the workers of a cluster, when the metrics server has it', '2', LATE_MS],
  ] as const) {
    test(`${name}, has it`, async (t) => {
      const port = await freePort();
      const app = startApp(t, 'own-port.cjs', {
        args: [workers],
        env: {
          ORCHESTRATOR_PREFIX: `own-port-${port}`,
          ORCHESTRATOR_STORE: 'memory',
          OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
          LISTEN_AFTER_MS: after,
        },
      });
      if (after === LATE_MS)
        await eventually(async () => assert.equal((await get(port, '/healthz')).status, 200));
      await app.number('serving');
      assert.equal((await get(port, '/metrics')).body, 'of the application');
      assert.doesNotMatch(app.stderr, /EADDRINUSE/);
      assert.match(
        app.stderr,
        new RegExp(`ORCHESTRATOR_PORT_LEFT warn: The application listens on port ${port}`),
      );
      assert.ok(app.running);
    });
  }
});
