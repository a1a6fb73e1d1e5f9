import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';

import { freePort, Program } from '../demo/program.js';
import { eventually } from './helpers/eventually.js';
import { GatewayProcess, ROOT } from './helpers/gateway-process.js';
import { scratch } from './helpers/scratch.js';

interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
}

interface Export {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{
        readonly key: string;
        readonly value: { readonly stringValue?: string };
      }>;
    };
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Omit<Span, 'service'>> }>;
  }>;
}

/** Kinds of spans in OTLP. */
const [SERVER, CLIENT] = [2, 3];

let receiver: Server;
let service: Program;
let gateway: GatewayProcess;
const spans: Span[] = [];

before(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') keep(JSON.parse(Buffer.concat(chunks).toString()) as Export);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const env = {
    PATH: process.env['PATH'] ?? '',
    TMPDIR: scratch(),
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/v1/traces`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  const port = await freePort();
  service = new Program(process.execPath, {
    args: ['--require', '@org/orchestrator/register', 'dist/services/main.js', 'user'],
    cwd: ROOT,
    env: {
      ...env,
      PORT: String(port),
      OTEL_SERVICE_NAME: 'user',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await service.until(async () => (await fetch(`${url}/users`)).arrayBuffer());
  gateway = await GatewayProcess.start({
    config: {
      upstreams: { user: { targets: [{ url }] } },
      routes: [{ name: 'users', path: '/users', upstream: 'user' }],
    },
    env: { ...env, OTEL_SERVICE_NAME: 'gateway' },
  });
});
after(async () => {
  await Promise.all([gateway.stop('SIGKILL'), service.stop('SIGKILL')]);
  receiver.closeAllConnections();
  receiver.close();
});

function keep({ resourceSpans }: Export): void {
  for (const { resource, scopeSpans } of resourceSpans) {
    const name = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service: name })));
  }
}

it('a trace goes from the client through the gateway into the service', async () => {
  const traceId = 'a'.repeat(31) + '1';
  const parent = 'b'.repeat(16);
  const response = await fetch(`${gateway.url}/users`, {
    headers: { traceparent: `00-${traceId}-${parent}-01` },
  });
  assert.equal(response.status, 200);
  await eventually(() => {
    const of = (name: string, kind: number): Span | undefined =>
      spans.find((span) => span.traceId === traceId && span.service === name && span.kind === kind);
    const [received, sent, served] = [of('gateway', SERVER), of('gateway', CLIENT), of('user', SERVER)];
    assert.equal(received?.parentSpanId, parent);
    assert.equal(sent?.parentSpanId, received.spanId);
    assert.equal(served?.parentSpanId, sent.spanId);
  });
});
