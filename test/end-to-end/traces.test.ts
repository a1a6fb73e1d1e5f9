import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runApp, startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive } from '../helpers/load.js';
import { scrape } from '../helpers/scrape.js';
import { CLIENT_KIND, OtlpReceiver, SERVER_KIND } from '../instrumentation/spans/otlp-receiver.js';
import { assertExact } from './exact-metrics.js';
import { freePort } from '../helpers/ports.js';
import { newStore } from './stores.js';

const REQUESTS = 200;

/** What asks for traces: the exporter with an endpoint of its own, or nothing but the endpoint of all signals. */
const ASKED: Record<string, (endpoint: string) => Readonly<Record<string, string>>> = {
  'server.cjs': (endpoint) => ({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`,
  }),
  'server.mjs': (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
};

for (const [fixture, asked] of Object.entries(ASKED)) {
  test(`${fixture}: with traces one span per request, and every request is counted once`, async (t) => {
    const receiver = new OtlpReceiver();
    const endpoint = await receiver.listen();
    t.after(() => receiver.close());
    const metricsPort = await freePort();
    const env = {
      ...(await newStore(t, 'local')),
      ORCHESTRATOR_PREFIX: 'shop',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      ...asked(endpoint),
      // So long that only the end of the process can have sent them.
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      OTEL_BSP_MAX_QUEUE_SIZE: '4096',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4096',
    };
    const app = startApp(t, fixture, { env });
    const port = await app.number('listening');
    const tally = await drive({ requests: REQUESTS, ports: [port] });
    assert.equal(tally.failed + tally.unexpected, 0);
    await eventually(async () => assertExact(await scrape(metricsPort), tally));

    const client = await runApp(t, 'client.cjs', { env: { ...env, TARGET: `http://127.0.0.1:${port}` } });
    assert.equal(client.code, 0, client.stderr);
    await eventually(async () => {
      const seen = await scrape(metricsPort);
      assert.equal(seen.sum('http_client_request_duration_seconds_count'), 6);
      assert.equal(seen.sum('http_server_request_duration_seconds_count'), REQUESTS + 6);
    });
    await app.end('SIGTERM');

    const ofKind = (wanted: number): OtlpReceiver['spans'] =>
      receiver.spans.filter(({ kind }) => kind === wanted);
    assert.equal(ofKind(CLIENT_KIND).length, 6, 'the job that ended by itself has sent its spans');
    assert.equal(ofKind(SERVER_KIND).length, REQUESTS + 6, 'neither a scrape nor the exporter is traced');
    const parents = new Set(ofKind(CLIENT_KIND).map(({ spanId }) => spanId));
    assert.equal(ofKind(SERVER_KIND).filter(({ parentSpanId }) => parents.has(parentSpanId)).length, 6);
    for (const process of [app, client]) assert.doesNotMatch(process.stderr, /warn:/);
  });
}
