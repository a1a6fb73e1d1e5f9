import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { fetchStatus } from './http-traffic.js';
import { OtlpReceiver, SERVER_KIND } from './otlp-receiver.js';

const FIXTURES = join(__dirname, '../../../test/fixtures/frameworks');
const PRELOAD = join(__dirname, 'tracing-preload.js');
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('traces', () => {
  for (const file of ['express5.cjs', 'express5.mjs', 'fastify5.mjs', 'raw.cjs']) {
    test(`${file}: one server span per request with its parent and route, metrics as without traces`, async (context) => {
      const receiver = new OtlpReceiver();
      const endpoint = await receiver.listen();
      context.after(() => receiver.close());
      const child = fork(join(FIXTURES, file), {
        execArgv: ['--require', PRELOAD],
        env: {
          ...process.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_METRICS_EXPORTER: 'none',
          OTEL_LOGS_EXPORTER: 'none',
          OTEL_BSP_SCHEDULE_DELAY: '50',
        },
      });
      context.after(() => child.kill());
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      const traceparent = `00-${TRACE}-${PARENT}-01`;
      await fetchStatus(port, '/healthz', 'GET', { traceparent });
      await fetchStatus(port, '/users/17?a=1', 'GET', { traceparent });
      await fetchStatus(port, '/users/18', 'GET', { traceparent });
      const spans = await receiver.received(({ kind }) => kind === SERVER_KIND, 2);
      assert.equal(spans.length, 2);
      const route = file === 'raw.cjs' ? undefined : '/users/:id';
      for (const span of spans) {
        assert.equal(span.traceId, TRACE);
        assert.equal(span.parentSpanId, PARENT);
        assert.equal(span.name, route === undefined ? 'GET' : `GET ${route}`);
        assert.equal(span.attributes['http.route'], route);
        assert.equal(span.attributes['http.response.status_code'], 200);
      }
      child.send('http.server.request.duration');
      const [{ series }] = (await once(child, 'message')) as [{ series: Record<string, number> }];
      const label = `http.route=${route ?? '/users/{id}'}`;
      assert.deepEqual(series, {
        [`http.request.method=GET,http.response.status_code=200,${label},network.protocol.version=1.1,url.scheme=http`]: 2,
      });
    });
  }
});
