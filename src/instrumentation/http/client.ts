import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';

import {
  type Attributes,
  context,
  createContextKey,
  type Meter,
  type MeterProvider,
  ValueType,
} from '@opentelemetry/api';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';

import { isOwnRequest } from '../../own-traffic/own-traffic.js';
import {
  type BindableHistogram,
  type BoundHistogram,
  type BoundMeter,
  bindMeter,
} from '../meter/bound-meter.js';
import { guarded, NOT_MEASURED } from '../guarded-listener.js';
import { HTTP_METHODS, methodIndex } from './exchange.js';
import { HTTP_DURATION_BOUNDARIES } from './semconv-recorder.js';
import type { Instrumentation } from '../instrumentation.js';

export interface HttpClientOptions {
  readonly meter: Meter;
  /** Where what is measured per request goes; default the `meter`. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** Seconds; default those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
}

/** Node 20 only has `start`, which comes when the request's body has been handed over: an upload's own time is missing there. */
const START_CHANNELS = ['http.client.request.created', 'http.client.request.start'];
const STARTED: unique symbol = Symbol('orchestrator.started');
const FAILED: unique symbol = Symbol('orchestrator.failed');
const TRACKER: unique symbol = Symbol('orchestrator.tracker');
/** Applications talk to few hosts; one that crawls must not fill the memory. */
const MAX_CACHED_SERIES = 2000;

type MeasuredRequest = ClientRequest & {
  [STARTED]?: number | undefined;
  [FAILED]?: unknown;
  [TRACKER]?: HttpClientTracker;
  /** Set by Node when the answer's headers are there. */
  readonly res?: IncomingMessage | null;
};

/**
 * `http.client.request.duration` of everything that is sent through `node:http` and `node:https`, whatever library does
 * it, from Node's diagnostics channel. `fetch` and undici have channels of their own: {@link instrumentUndici}.
 */
export function instrumentHttpClient(options: HttpClientOptions): Instrumentation {
  return new HttpClientTracker(options);
}

class HttpClientTracker implements Instrumentation {
  private readonly duration: BindableHistogram;
  private readonly cache = new Map<string, BoundHistogram>();
  private readonly onStart = guarded(NOT_MEASURED, (message) => {
    const { request } = message as { request: MeasuredRequest };
    if (STARTED in request || isTelemetry(request)) return;
    request[STARTED] = performance.now();
    request[TRACKER] = this;
    request.on('close', onClose);
    request.on(errorMonitor, onError);
  });

  constructor({
    meter,
    instruments = bindMeter(meter),
    boundaries = HTTP_DURATION_BOUNDARIES,
  }: HttpClientOptions) {
    this.duration = instruments.createHistogram('http.client.request.duration', {
      description: 'Duration of HTTP client requests.',
      unit: 's',
      valueType: ValueType.DOUBLE,
      advice: { explicitBucketBoundaries: [...boundaries] },
    });
    for (const channel of START_CHANNELS) subscribe(channel, this.onStart);
  }

  stop(): void {
    for (const channel of START_CHANNELS) unsubscribe(channel, this.onStart);
  }

  finish(request: MeasuredRequest): void {
    const started = request[STARTED];
    if (started === undefined) return;
    request[STARTED] = undefined;
    const seconds = (performance.now() - started) / 1000;
    const response = request.res ?? undefined;
    const method = methodIndex(request.method);
    const authority = authorityOf(request);
    const version = response?.httpVersion;
    const status = response?.statusCode;
    const error = failureOf(request, response);
    const key = `${method} ${authority} ${status} ${version} ${error}`;
    let series = this.cache.get(key);
    if (series === undefined) {
      if (this.cache.size >= MAX_CACHED_SERIES) this.cache.clear();
      const errorType =
        error ?? (status !== undefined && status >= 400 && status < 600 ? String(status) : undefined);
      const attributes: Attributes = {
        'http.request.method': HTTP_METHODS[method],
        ...serverOf(authority),
        ...(status !== undefined && { 'http.response.status_code': status }),
        ...(version !== undefined && { 'network.protocol.version': version }),
        ...(errorType !== undefined && { 'error.type': errorType }),
      };
      series = this.duration.bind(attributes);
      this.cache.set(key, series);
    }
    series.record(seconds);
  }
}

/** As `suppressTracing` of @opentelemetry/core has it, which exporters of the SDK send under. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Requests of this package and, while there are traces, of OTLP exporters. They are nobody's traffic. */
function isTelemetry(request: ClientRequest): boolean {
  return isOwnRequest(request) || context.active().getValue(SUPPRESS_TRACING) === true;
}

const finish = guarded(NOT_MEASURED, (message) => {
  const request = message as MeasuredRequest;
  request[TRACKER]?.finish(request);
});

function onClose(this: MeasuredRequest): void {
  finish(this);
}

function onError(this: MeasuredRequest, error: unknown): void {
  this[FAILED] = error;
}

/** A code as `ECONNREFUSED` where there is one: the name of almost every error of Node's is `Error`. */
function failureOf(request: MeasuredRequest, response: IncomingMessage | undefined): string | undefined {
  if (response?.complete === true) return undefined;
  const error = request[FAILED] ?? response?.errored;
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** `host:port`, or `host:` for the scheme's own port. The port is only in the `Host` header, which names the same host. */
function authorityOf(request: MeasuredRequest): string {
  const header = request.getHeader('host');
  const defaultPort = request.protocol === 'https:' ? '443' : '80';
  const colon = typeof header === 'string' ? header.lastIndexOf(':') : -1;
  const port =
    typeof header === 'string' && colon > header.lastIndexOf(']') ? header.slice(colon + 1) : defaultPort;
  return `${request.host}:${port}`;
}

function serverOf(authority: string): Attributes {
  const colon = authority.lastIndexOf(':');
  return { 'server.address': authority.slice(0, colon), 'server.port': Number(authority.slice(colon + 1)) };
}

/** The same for `fetch` and undici, by OpenTelemetry's own instrumentation; it too only listens to channels. */
export function instrumentUndici(meterProvider: MeterProvider): Instrumentation {
  const instrumentation = new UndiciInstrumentation();
  instrumentation.setMeterProvider(meterProvider);
  return { stop: () => instrumentation.disable() };
}
