import assert from 'node:assert/strict';
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import { baseEnvironment, PRELOAD as REGISTER } from '../../helpers/app-process.js';
import { PACKAGE_ROOT, scratchDir } from '../../helpers/scratch.js';
import { fetchStatus } from '../http/http-traffic.js';
import { OtlpReceiver, SERVER_KIND, type ReceivedSpan } from './otlp-receiver.js';

const FIXTURES = join(PACKAGE_ROOT, 'test/fixtures/frameworks');
const PRELOAD = join(__dirname, 'tracing-preload.js');
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const EXPRESS = '@opentelemetry/instrumentation-express';
const run = promisify(execFile);

interface Traced {
  readonly child: ChildProcess;
  readonly port: number;
  readonly receiver: OtlpReceiver;
}

/** A fixture that sends its spans to a receiver of its own. */
async function start(context: TestContext, file: string, env: NodeJS.ProcessEnv = {}): Promise<Traced> {
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
      ...env,
    },
  });
  context.after(() => child.kill());
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port, receiver };
}

const isOfServer = ({ kind }: ReceivedSpan): boolean => kind === SERVER_KIND;

describe('traces', () => {
  for (const file of ['express5.cjs', 'express5.mjs', 'fastify5.mjs', 'raw.cjs']) {
    test(`${file}: one server span per request with its parent and route, metrics as without traces`, async (context) => {
      const { child, port, receiver } = await start(context, file);
      const traceparent = `00-${TRACE}-${PARENT}-01`;
      await fetchStatus(port, '/healthz', 'GET', { traceparent });
      await fetchStatus(port, '/users/17?a=1', 'GET', { traceparent });
      await fetchStatus(port, '/users/18', 'GET', { traceparent });
      const spans = await receiver.received(isOfServer, 2);
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

  test("the application's own instrumentations add their spans inside that of the request", async (context) => {
    const { port, receiver } = await start(context, 'express5.mjs');
    await fetchStatus(port, '/users/17');
    const [request] = await receiver.received(isOfServer, 1);
    const [inner] = await receiver.received(({ scope }) => scope === EXPRESS, 1);
    assert.equal(inner?.traceId, request?.traceId);
    assert.ok(inner !== undefined && inner.parentSpanId !== '');
  });

  for (const [variable, value] of [
    ['OTEL_NODE_DISABLED_INSTRUMENTATIONS', 'express,router'],
    ['OTEL_NODE_ENABLED_INSTRUMENTATIONS', 'pg,dns'],
  ] as const) {
    test(`${variable} chooses among them, and the request keeps its span`, async (context) => {
      const { port, receiver } = await start(context, 'express5.cjs', { [variable]: value });
      await fetchStatus(port, '/users/17');
      const [request] = await receiver.received(isOfServer, 1);
      assert.equal(request?.name, 'GET /users/:id');
      // Spans are sent in the order in which they end, the request's last.
      assert.deepEqual(receiver.spans, [request]);
    });
  }

  test('what is imported as ESM can be patched', async (context) => {
    const app = scratchDir(context, 'esm');
    const greeting = join(app, 'node_modules', 'greeting');
    mkdirSync(greeting, { recursive: true });
    writeFileSync(join(greeting, 'package.json'), '{"name":"greeting","type":"module","main":"index.js"}');
    writeFileSync(join(greeting, 'index.js'), "export const greet = () => 'hello';\n");
    writeFileSync(join(app, 'main.mjs'), "import { greet } from 'greeting';\nconsole.log(greet());\n");
    const preload = join(__dirname, 'esm-preload.js');
    const { stdout } = await run(process.execPath, ['--require', preload, 'main.mjs'], { cwd: app });
    assert.equal(stdout, 'hello, patched\n');
  });

  test('a loader that takes no hooks costs a diagnostic, and nothing else', async (context) => {
    const app = scratchDir(context, 'no-hooks');
    const refuse = "() => { throw new Error('no hooks here'); }";
    writeFileSync(
      join(app, 'refuse.cjs'),
      `const Module = require('node:module'); Module.register = ${refuse}; Module.registerHooks = ${refuse};\n`,
    );
    writeFileSync(join(app, 'main.mjs'), "console.log('hello');\n");
    const env = {
      ...baseEnvironment(),
      OTEL_TRACES_EXPORTER: 'console',
      OTEL_LOG_LEVEL: 'debug',
      OTEL_EXPORTER_PROMETHEUS_PORT: '0',
      ORCHESTRATOR_STORE: 'memory',
    };
    const preloads = ['--require', './refuse.cjs', '--require', REGISTER];
    const { stdout, stderr } = await run(process.execPath, [...preloads, 'main.mjs'], { cwd: app, env });
    assert.match(stdout, /^hello$/m);
    // NodeSDK prints the diagnostics itself when OTEL_LOG_LEVEL is set.
    assert.match(stdout + stderr, /ESM packages are not traced.*ORCHESTRATOR_ESM_NOT_TRACED/);
  });
});
