import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { runApp, startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, ROUTES } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { watchedProject } from './project.js';
import { newStore } from './stores.js';

/** What docs promise of an application that has done nothing yet. */
const MAX_FRESH_LINES = 400;

describe('what the preload measures by itself', () => {
  test('outgoing requests by http, fetch and undici', async (t) => {
    const { env, watcher, look } = await watchedProject(t);
    const target = await watcher.number('listening');
    const { code, stderr } = await runApp(t, 'client.cjs', {
      env: { ...env, TARGET: `http://127.0.0.1:${target}` },
    });
    assert.equal(code, 0, stderr);
    await eventually(async () => {
      const seen = await look();
      for (const side of ['client', 'server']) {
        const count = `http_${side}_request_duration_seconds_count`;
        // One way each: http 200, fetch 404, undici 500.
        for (const status of ['200', '404', '500'])
          assert.equal(seen.sum(count, { http_response_status_code: status }), 2, `${side} ${status}`);
        assert.equal(seen.sum(count), 6, side);
      }
      const [sample] = seen.samples('http_client_request_duration_seconds_count', {
        http_response_status_code: '200',
      });
      assert.equal(sample?.labels['server_address'], '127.0.0.1');
      assert.equal(sample.labels['server_port'], String(target));
      assert.equal(sample.labels['http_request_method'], 'GET');
    });
  });

  test('requests under the names of prometheus-net as well', async (t) => {
    const metricsPort = await freePort();
    const app = startApp(t, 'server.cjs', {
      env: {
        ...(await newStore(t, 'local')),
        ORCHESTRATOR_PREFIX: 'shop',
        ORCHESTRATOR_HTTP_METRIC_NAMES: 'semconv,prometheus-net',
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      },
    });
    const tally = await drive({ requests: 500, ports: [await app.number('listening')] });
    await eventually(async () => {
      const seen = await scrape(metricsPort);
      for (const { method, status } of ROUTES) {
        const expected = tally.count({ method, status });
        const semconv = { http_request_method: method, http_response_status_code: String(status) };
        assert.equal(seen.sum('http_server_request_duration_seconds_count', semconv), expected);
        const net = { method, code: String(status) };
        assert.equal(seen.sum('http_requests_received_total', net), expected);
        assert.equal(seen.sum('http_request_duration_seconds_count', net), expected);
        assert.equal(
          seen.sum('http_request_duration_seconds_bucket', { ...net, le: '+Inf' }),
          expected,
          `${method} ${status}`,
        );
      }
      assert.equal(seen.sum('http_errors_total'), tally.count({ status: 500 }));
      assert.equal(seen.sum('http_requests_in_progress'), 0);
    });
    const seen = await scrape(metricsPort);
    const [first] = seen.samples('http_request_duration_seconds_bucket');
    for (const label of ['code', 'method', 'controller', 'action', 'endpoint'])
      assert.ok(label === 'controller' || label === 'action' || first?.labels[label] !== undefined, label);
    const bounds = seen
      .samples('http_request_duration_seconds_bucket', { code: '200', method: 'GET', endpoint: '/ok' })
      .map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')));
    assert.deepEqual(bounds, [...Array.from({ length: 16 }, (_, n) => 0.001 * 2 ** n), Infinity]);
  });

  test(`a fresh application has fewer than ${MAX_FRESH_LINES} lines, and no more for each further process`, async (t) => {
    const { env, look } = await watchedProject(t);
    const lines = await eventually(async () => {
      const seen = await look();
      assert.ok(seen.families.has('nodejs_eventloop_delay_mean_seconds'));
      assert.ok(seen.families.has('system_cpu_time_seconds_total'));
      assert.ok(seen.families.has('process_memory_usage_bytes'));
      return seen.lines;
    });
    assert.ok(lines < MAX_FRESH_LINES, `${lines} lines`);
    await startApp(t, 'server.cjs', { env }).number('listening');
    const both = await eventually(async () => {
      const seen = await look();
      assert.equal(seen.samples('process_memory_usage_bytes').length, 2);
      return seen.lines;
    });
    assert.ok(both < 2 * MAX_FRESH_LINES, `${both} lines`);
    t.diagnostic(`${lines} lines of one process, ${both} of two`);
  });
});
