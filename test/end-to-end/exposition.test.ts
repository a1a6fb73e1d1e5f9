import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { Exposition } from '../helpers/exposition.js';
import { drive } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { checkWithPromtool, countWithPython } from '../helpers/prometheus.js';
import { ask } from '../helpers/raw-request.js';
import { startRedis } from '../helpers/redis.js';
import { get } from '../helpers/scrape.js';
import { newStore } from './stores.js';

const TEXT = /^text\/plain; version=0\.0\.4/;
const OPENMETRICS = /^application\/openmetrics-text; version=1\.0\.0/;

test('/metrics: gzip, HEAD, OpenMetrics, and 503 while Redis is stopped', async (t) => {
  const redis = await startRedis(t);
  const port = await freePort();
  const app = startApp(t, 'server.cjs', {
    env: {
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_REDIS_URL: redis.url,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    },
  });
  const tally = await drive({ requests: 100, ports: [await app.number('listening')] });
  const counted = async (): Promise<void> => {
    const { body } = await get(port, '/metrics');
    assert.equal(new Exposition(body).sum('app_requests_total'), tally.count());
  };
  await eventually(counted);

  const zipped = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.match(zipped.headers.vary ?? '', /Accept, Accept-Encoding/);
  const unzipped = gunzipSync(zipped.body).toString();
  assert.equal(new Exposition(unzipped).sum('app_requests_total'), tally.count());
  await checkWithPromtool(unzipped);
  assert.equal((await ask(port)).headers['content-encoding'], undefined);

  const head = await ask(port, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
  assert.equal(head.status, 200);
  assert.match(head.headers['content-type'] ?? '', TEXT);
  assert.equal(head.body.length, 0);

  const openMetrics = await ask(port, { headers: { accept: 'application/openmetrics-text;version=1.0.0' } });
  assert.match(openMetrics.headers['content-type'] ?? '', OPENMETRICS);
  const text = openMetrics.body.toString();
  assert.match(text, /# EOF\n$/);
  assert.ok((await countWithPython(text, 'openmetrics')) > 100);
  assert.equal((await ask(port, { method: 'POST' })).status, 405);

  await redis.stop();
  await eventually(async () => {
    const { status, headers, body } = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(status, 503);
    assert.match(headers['content-type'] ?? '', /^text\/plain/);
    assert.notEqual(body.length, 0);
  });
  await redis.start('empty');
  await eventually(async () => assert.equal((await get(port, '/metrics')).status, 200));
});

test('names, scope, target_info and resource labels follow their settings', async (t) => {
  const port = await freePort();
  const settings = {
    ...(await newStore(t, 'local')),
    ORCHESTRATOR_PREFIX: 'shop',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.version=1.2.3,owner=me',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
  };
  const requestLine = async (env: Readonly<Record<string, string>>, accept: string): Promise<string> => {
    const app = startApp(t, 'server.cjs', { env: { ...settings, ...env } });
    await get(await app.number('listening'), '/ok');
    const line = await eventually(async () => {
      const text = (await ask(port, { headers: { accept } })).body.toString();
      const found = text.split('\n').filter((one) => !one.startsWith('#') && /app.requests/.test(one));
      const own = found.filter(
        (one) => /service.version/.test(one) === 'ORCHESTRATOR_RESOURCE_LABELS' in env,
      );
      assert.equal(own.length, 1, text.slice(0, 500));
      return `${own[0]} ${/^target_info/m.test(text) ? 'with' : 'without'} target_info`;
    });
    await app.end('SIGTERM');
    return line;
  };
  assert.equal(
    await requestLine({}, 'text/plain'),
    'app_requests_total{otel_scope_name="fixture",route="/ok",status="200"} 1 with target_info',
  );
  const changed = {
    ORCHESTRATOR_TRANSLATION_STRATEGY: 'NoTranslation',
    ORCHESTRATOR_SCOPE_INFO: 'false',
    ORCHESTRATOR_TARGET_INFO: 'false',
    ORCHESTRATOR_RESOURCE_LABELS: 'deployment.*,service.version',
  };
  assert.equal(
    await requestLine(changed, 'text/plain;version=1.0.0;escaping=allow-utf-8'),
    '{"app.requests","deployment.environment.name"="test",route="/ok","service.version"="1.2.3",status="200"} 1 without target_info',
  );
  assert.equal(
    await requestLine(changed, 'text/plain'),
    'app_requests{deployment_environment_name="test",route="/ok",service_version="1.2.3",status="200"} 2 without target_info',
  );
});

test('ORCHESTRATOR_APP_METRICS_PATH: on the own port of an application that does not know of it', async (t) => {
  const metricsPort = await freePort();
  const app = startApp(t, 'server.mjs', {
    env: {
      ...(await newStore(t, 'local')),
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_APP_METRICS_PATH: '/internal/metrics',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    },
  });
  const port = await app.number('listening');
  const tally = await drive({ requests: 100, ports: [port] });
  for (let scrapes = 0; scrapes < 3; scrapes++) {
    const { status, body, headers } = await get(port, '/internal/metrics');
    assert.equal(status, 200);
    assert.match(headers.get('content-type') ?? '', TEXT);
    const seen = new Exposition(body);
    assert.equal(seen.sum('app_requests_total'), tally.count(), 'the application has not seen the scrape');
    assert.equal(seen.sum('http_server_request_duration_seconds_count'), tally.count(), 'it is no traffic');
    assert.equal(seen.sum('http_server_active_requests'), 0);
  }
  assert.equal((await get(port, '/internal/metricsx')).status, 400, 'everything else is the application');
});

describe('the metrics of the project in the application', () => {
  test('metricsHandler() and collectMetrics() in Express 5 and Fastify 5', async (t) => {
    const app = startApp(t, 'frameworks-metrics.cjs', {
      env: {
        ...(await newStore(t, 'local')),
        ORCHESTRATOR_PREFIX: 'shop',
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      },
    });
    const ports = [await app.number('express'), await app.number('fastify')];
    for (const port of ports)
      for (let user = 0; user < 5; user++) assert.equal((await get(port, `/users/${user}`)).status, 200);
    const count = 'http_server_request_duration_seconds_count';
    for (const port of ports) {
      for (const path of ['/metrics', '/collected']) {
        const plain = await ask(port, { path });
        assert.equal(plain.status, 200);
        assert.match(plain.headers['content-type'] ?? '', TEXT);
        const seen = new Exposition(plain.body.toString());
        assert.equal(seen.sum(count, { http_route: '/users/:id' }), 10, `${path} on ${port}`);
        const open = await ask(port, {
          path,
          headers: { accept: 'application/openmetrics-text;version=1.0.0' },
        });
        assert.match(open.headers['content-type'] ?? '', OPENMETRICS);
        assert.ok((await countWithPython(open.body.toString(), 'openmetrics')) > 0);
      }
      const zipped = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.ok(new Exposition(gunzipSync(zipped.body).toString()).lines > 0);
    }
  });
});
