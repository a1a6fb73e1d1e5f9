import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';

import type { MetricsServer } from '../../../src/server/metrics-server.js';
import { rememberApplicationPorts } from '../../../src/server/port/application-port.js';
import { freePort } from '../../helpers/ports.js';
import { codesOf, openServer } from '../open-server.js';

// In a file of its own: every server of this process counts as the application's from then on.
test('the port of the listen() that brings about the start is not taken', async (t) => {
  const port = await freePort();
  rememberApplicationPorts();
  let started: MetricsServer | undefined;
  const start = (): void => {
    started ??= openServer(t, { port });
    started.listen();
  };
  subscribe('tracing:net.server.listen:asyncStart', start);
  t.after(() => unsubscribe('tracing:net.server.listen:asyncStart', start));
  const application = createServer();
  t.after(() => void application.close());
  application.listen(port, '127.0.0.1');
  await once(application, 'listening');
  assert.ok(started !== undefined);
  assert.deepEqual(codesOf(started), ['ORCHESTRATOR_PORT_LEFT']);
});
