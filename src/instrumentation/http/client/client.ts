import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';

import { context, createContextKey, type Meter } from '@opentelemetry/api';

import { isOwnRequest } from '../../../own-traffic/own-traffic.js';
import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import type { Instrumentation } from '../../instrumentation.js';
import { type BoundMeter, bindMeter } from '../../meter/bound-meter.js';
import { ClientSeries } from './client-series.js';

export interface HttpClientOptions {
  readonly meter: Meter;
  /** Makes the histogram; default the `meter`. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** Seconds; default those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
}

/** Node 20 only has `start`, which comes when the request's body has been handed over: an upload's own time is missing there. */
const START_CHANNELS = ['http.client.request.created', 'http.client.request.start'];
const STATE: unique symbol = Symbol('orchestrator.client-request');

/** All that is kept of one request. */
interface ClientRequestState {
  /** Undefined when the request is counted. */
  measuredBy: HttpClientTracker | undefined;
  /** `performance.now()` */
  readonly startedMark: number;
  error: unknown;
}

type MeasuredRequest = ClientRequest & {
  [STATE]?: ClientRequestState;
  /** Set by Node when the answer's headers are there. */
  readonly res?: IncomingMessage | null;
};

/**
 * `http.client.request.duration` of everything that is sent through `node:http` and `node:https`, by any library, from
 * Node's diagnostics channel. `fetch` and undici have channels of their own: `instrumentUndici`.
 */
export function instrumentHttpClient(options: HttpClientOptions): Instrumentation {
  return new HttpClientTracker(options);
}

class HttpClientTracker implements Instrumentation {
  readonly #series: ClientSeries;
  readonly #onStart = guarded(NOT_MEASURED, (message) => {
    const { request } = message as { request: MeasuredRequest };
    if (request[STATE] !== undefined || isTelemetry(request)) return;
    request[STATE] = { measuredBy: this, startedMark: performance.now(), error: undefined };
    request.on('close', onClose);
    request.on(errorMonitor, onError);
  });

  constructor({ meter, instruments = bindMeter(meter), boundaries }: HttpClientOptions) {
    this.#series = new ClientSeries({ instruments, boundaries });
    for (const channel of START_CHANNELS) subscribe(channel, this.#onStart);
  }

  stop(): void {
    for (const channel of START_CHANNELS) unsubscribe(channel, this.#onStart);
  }

  finish(request: MeasuredRequest, { startedMark, error }: ClientRequestState): void {
    const seconds = (performance.now() - startedMark) / 1000;
    const response = request.res ?? undefined;
    const series = this.#series.find({
      method: request.method,
      address: request.host,
      port: portOf(request),
      statusCode: response?.statusCode,
      protocolVersion: response?.httpVersion,
      failure: failureOf(error, response),
    });
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
  const state = request[STATE];
  const tracker = state?.measuredBy;
  if (state === undefined || tracker === undefined) return;
  state.measuredBy = undefined;
  tracker.finish(request, state);
});

function onClose(this: MeasuredRequest): void {
  finish(this);
}

function onError(this: MeasuredRequest, error: unknown): void {
  const state = this[STATE];
  if (state !== undefined) state.error = error;
}

/** A code as `ECONNREFUSED` where there is one: the name of almost every error of Node's is `Error`. */
function failureOf(thrown: unknown, response: IncomingMessage | undefined): string | undefined {
  if (response?.complete === true) return undefined;
  const error = thrown ?? response?.errored;
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The port is only in the `Host` header, which names the same host; there it is left out if it is the scheme's own. */
function portOf(request: MeasuredRequest): number {
  const header = request.getHeader('host');
  const colon = typeof header === 'string' ? header.lastIndexOf(':') : -1;
  if (typeof header === 'string' && colon > header.lastIndexOf(']')) return Number(header.slice(colon + 1));
  return request.protocol === 'https:' ? 443 : 80;
}
