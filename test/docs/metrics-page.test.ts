import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startProgram, PRELOAD } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { get, scrape } from '../helpers/scrape.js';
import { readPage } from './pages.js';

const APPLICATION = `
  const { observeQueue, recordJob, registerHealthCheck } = require('@org/orchestrator');
  void recordJob('report', () => undefined);
  observeQueue({ name: 'mail', getJobCounts: async () => ({ waiting: 1 }) });
  registerHealthCheck('database', () => undefined);
  const server = require('node:http').createServer((request, response) => {
    response.setHeader('content-length', 2);
    response.writeHead(request.url === '/fail' ? 500 : 200).end('ok');
  });
  server.listen(process.env.PORT, '127.0.0.1');
  setInterval(gc, 100);
  setInterval(() => fetch('http://127.0.0.1:' + process.env.PORT + '/self').then((answer) => answer.text()), 500);`;

/** These come late: after a collection of garbage, with the second look at the CPU, after the first flush. */
const LATE = [
  'v8js_gc_duration_seconds',
  'process_cpu_utilization_ratio',
  'http_client_request_duration_seconds',
  'system_filesystem_usage_bytes',
  'system_cpu_utilization_ratio',
  'nodejs_eventloop_delay_p99_seconds',
  'orchestrator_flush_duration_seconds',
  'app_health_status',
  'queue_jobs',
];

/** A machine may have no network interface besides loopback; the tests of databases have databases. */
const ELSEWHERE = /^(?:system_network_|db_client_)/;

/** Labels that say where a line comes from, and that of a bucket. */
const COMMON = /^(?:otel_scope_.*|service_instance_id|host_name|le)$/;

interface Row {
  readonly type: string;
  readonly labels: ReadonlySet<string>;
}

test('docs/metrics.md lists every metric of an application, with its type and labels', async (t) => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  startProgram(t, process.execPath, ['--expose-gc', '--require', PRELOAD, '--eval', APPLICATION], {
    cwd: PACKAGE_ROOT,
    env: {
      PORT: String(port),
      ORCHESTRATOR_STORE: 'memory',
      ORCHESTRATOR_HTTP_METRIC_NAMES: 'semconv,prometheus-net',
      ORCHESTRATOR_HTTP_BODY_SIZES: 'true',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    },
  });
  await eventually(() => get(port, '/'));
  await get(port, '/fail');
  const families = await eventually(
    async () => {
      const exposition = await scrape(metricsPort);
      for (const name of [...LATE, 'http_errors_total']) assert.ok(exposition.families.has(name), name);
      return exposition.families;
    },
    // Each scrape empties the event loop's histogram, which needs some samples to say anything.
    { everyMs: 500 },
  );

  const documented = documentedRows();
  for (const { name, type, samples } of families.values()) {
    assert.equal(documented.get(name)?.type, type, name);
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    if (name === 'target_info') continue;
    for (const label of labels)
      assert.ok(COMMON.test(label) || documented.get(name)?.labels.has(label), `${name}{${label}}`);
  }
  const absent = [...documented.keys()].filter((name) => !families.has(name) && !ELSEWHERE.test(name));
  assert.deepEqual(absent, [], 'documented, but not there');
});

function documentedRows(): ReadonlyMap<string, Row> {
  const rows = readPage('docs/metrics.md').text.matchAll(/^\| `(?<name>[a-z0-9_]+)` \|(?<rest>.*)$/gm);
  return new Map(
    Array.from(rows, ({ groups }) => {
      const rest = groups?.['rest'] ?? '';
      const labels = Array.from(rest.matchAll(/`([a-z0-9_]+)`/g), ([, label = '']) => label);
      return [groups?.['name'] ?? '', { type: exposedType(rest), labels: new Set(labels) }];
    }),
  );
}

/** The type in the text format of what the page calls a counter, an up-down counter, a gauge, a histogram or an info. */
function exposedType(row: string): string {
  const type = /\b(?:up-down counter|counter|histogram|gauge|info)\b/.exec(row)?.[0] ?? '';
  return type === 'up-down counter' || type === 'info' ? 'gauge' : type;
}
