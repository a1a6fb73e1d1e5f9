import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { parse } from 'protobufjs';

import { eventually } from '../../helpers/eventually.js';

/** The part of opentelemetry-proto that a test reads; fields that are not named here are skipped by the decoder. */
const { root } = parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
  message Scope { string name = 1; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4;
    string name = 5; int32 kind = 6; repeated KeyValue attributes = 9;
  }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);
const requestType = root.lookupType('Request');

export const SERVER_KIND = 2;
export const CLIENT_KIND = 3;

export interface ReceivedSpan {
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Decoded {
  readonly resourceSpans?: ReadonlyArray<{
    readonly scopeSpans?: ReadonlyArray<{
      readonly scope?: { readonly name?: string };
      readonly spans?: readonly DecodedSpan[];
    }>;
  }>;
}

interface DecodedSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId?: Buffer;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: ReadonlyArray<{
    readonly key: string;
    readonly value?: Readonly<Record<string, unknown>>;
  }>;
}

/** Takes OTLP over HTTP as protobuf and keeps the spans. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  private readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') this.take(Buffer.concat(chunks));
      response.setHeader('content-type', 'application/x-protobuf').end();
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Waits for `count` spans that fit, and returns all that fit. */
  received(fits: (span: ReceivedSpan) => boolean, count: number): Promise<ReceivedSpan[]> {
    return eventually(() => {
      const found = this.spans.filter(fits);
      if (found.length >= count) return found;
      const all = this.spans.map(({ scope, name }) => `${scope} ${name}`);
      throw new Error(`${found.length} of ${count} spans; what came is: ${all.join(', ')}`);
    });
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private take(body: Buffer): void {
    const decoded = requestType.toObject(requestType.decode(body), { longs: Number }) as Decoded;
    for (const { scopeSpans = [] } of decoded.resourceSpans ?? []) {
      for (const { scope, spans = [] } of scopeSpans) {
        for (const span of spans) this.spans.push(toSpan(scope?.name ?? '', span));
      }
    }
  }
}

function toSpan(
  scope: string,
  { traceId, spanId, parentSpanId, name, kind, attributes = [] }: DecodedSpan,
): ReceivedSpan {
  return {
    scope,
    name,
    kind,
    traceId: traceId.toString('hex'),
    spanId: spanId.toString('hex'),
    parentSpanId: parentSpanId?.toString('hex') ?? '',
    attributes: Object.fromEntries(attributes.map(({ key, value = {} }) => [key, Object.values(value)[0]])),
  };
}
