import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { Exposition } from '../helpers/exposition.js';
import { drive, Tally } from '../helpers/load.js';
import { freePort } from '../helpers/ports.js';
import { checkWithPromtool, countWithPython, startPrometheus } from '../helpers/prometheus.js';
import { startRedis } from '../helpers/redis.js';
import { get } from '../helpers/scrape.js';

const SECONDS = 30;

test(`a real Prometheus scrapes for ${SECONDS} s, and knows every request; all oracles accept the text`, async (t) => {
  const redis = await startRedis(t);
  const metricsPort = await freePort();
  const app = startApp(t, 'cluster.cjs', {
    env: {
      WORKERS: '2',
      ORCHESTRATOR_PREFIX: 'shop',
      ORCHESTRATOR_REDIS_URL: redis.url,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      OTEL_SERVICE_NAME: 'the "shop"\\nof ünicode',
    },
  });
  const port = await app.number('listening');
  const prometheus = await startPrometheus(t, metricsPort);
  await eventually(async () => assert.equal(await prometheus.value('up{job="app"}'), 1));

  const end = Date.now() + SECONDS * 1000;
  const tally = new Tally();
  const until = (): boolean => Date.now() >= end;
  await drive({ requests: Infinity, ports: [port], concurrency: 2, pauseMs: 10, tally, until });
  assert.equal(tally.failed + tally.unexpected, 0);

  const count = 'http_server_request_duration_seconds_count';
  await eventually(async () => {
    assert.equal(await prometheus.value(`sum(${count}{job="app"})`), tally.count());
    assert.equal(
      await prometheus.value(`sum(${count}{http_response_status_code="500"})`),
      tally.count({ status: 500 }),
    );
    assert.equal(await prometheus.value('sum(app_requests_total)'), tally.count());
  });
  assert.equal(await prometheus.value(`min_over_time(up{job="app"}[${SECONDS}s])`), 1);
  assert.equal(await prometheus.value(`sum(resets(${count}[${SECONDS}s]))`), 0, 'a counter went backward');
  const rate = await prometheus.value(`sum(rate(${count}[20s]))`);
  assert.ok(rate > 0, String(rate));
  const quantile =
    'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket[20s])))';
  assert.ok((await prometheus.value(quantile)) > 0);

  // Prometheus asks for OpenMetrics first, whose `_created` lines are samples too.
  const accept = 'application/openmetrics-text;version=1.0.0';
  await eventually(async () => {
    const { body } = await get(metricsPort, '/metrics', { headers: { accept } });
    assert.equal(await prometheus.value('scrape_samples_scraped{job="app"}'), sampleLines(body));
    assert.equal(await prometheus.value('count({job="app",__name__!~"up|scrape_.*"})'), sampleLines(body));
    assert.equal(await countWithPython(body, 'openmetrics'), sampleLines(body));
  });
  const { body } = await get(metricsPort, '/metrics');
  await checkWithPromtool(body);
  assert.equal(await countWithPython(body), sampleLines(body));
  assert.equal(new Exposition(body).lines, sampleLines(body));
});

function sampleLines(text: string): number {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}
