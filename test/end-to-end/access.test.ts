import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PRELOAD, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { get, type Answer } from '../helpers/scrape.js';

/** A route of the application, one that it guards itself, and the path that is served on its port. */
const APPLICATION = `
  const { metricsHandler, collectMetrics } = require(${JSON.stringify(PACKAGE_ROOT)});
  const mounted = metricsHandler();
  const own = metricsHandler({ authenticate: false });
  require('node:http').createServer((request, response) => {
    if (request.url === '/mounted') mounted(request, response);
    else if (request.url === '/own') own(request, response);
    else response.end('application');
  }).listen(0, '127.0.0.1', function () { console.log('listening', this.address().port); });`;

test('a token is asked for on all servers that show the metrics, and only for the metrics', async (t) => {
  const metricsPort = await freePort();
  const app = startProgram(t, process.execPath, ['--require', PRELOAD, '--eval', APPLICATION], {
    cwd: PACKAGE_ROOT,
    env: {
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'access'),
      ORCHESTRATOR_METRICS_TOKEN: 'token',
      ORCHESTRATOR_APP_METRICS_PATH: '/internal/metrics',
      OTEL_METRIC_EXPORT_INTERVAL: '300',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    },
  });
  const port = await app.number('listening');
  const authorized = (on: number, path: string): Promise<Answer> =>
    get(on, path, { headers: { authorization: 'Bearer token' } });
  await eventually(async () => assert.equal((await get(metricsPort, '/readyz')).status, 200));
  for (const [on, path] of [
    [metricsPort, '/metrics'],
    [port, '/internal/metrics'],
    [port, '/mounted'],
  ] as const) {
    const refused = await get(on, path);
    assert.equal(refused.status, 401, path);
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="metrics"');
    assert.equal((await get(on, path, { headers: { authorization: 'Bearer other' } })).status, 401, path);
    const { status, body } = await authorized(on, path);
    assert.equal(status, 200, path);
    assert.match(body, /^target_info/m);
  }
  assert.equal((await get(port, '/own')).status, 200, 'the application has found out who asks');
  assert.equal((await get(port, '/')).body, 'application');
  // The refused requests are a metric.
  await eventually(async () => {
    const { body } = await authorized(metricsPort, '/metrics');
    assert.match(body, /^orchestrator_requests_refused_total\{.*reason="no_credentials".*\} 3$/m);
    assert.match(body, /^orchestrator_requests_refused_total\{.*reason="wrong_credentials".*\} 3$/m);
  });
  assert.equal(app.stderr.match(/ORCHESTRATOR_REQUESTS_REFUSED/g)?.length, 1);
});
