import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';

import { isOwnRequest } from '../../../own-traffic/own-traffic.js';
import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import type { Instrumentation } from '../../instrumentation.js';
import type { ClientSeries } from './client-series.js';
import { failureOf } from './failure.js';
import { isExporting } from './telemetry.js';

/** Node 20 only has `start`, which comes when the request's body has been handed over: an upload's own time is missing there. */
const START_CHANNELS = ['http.client.request.created', 'http.client.request.start'];
const STATE: unique symbol = Symbol('orchestrator.client-request');

/** All that is kept of one request. */
interface ClientRequestState {
  /** Undefined when the request is counted. */
  measuredBy: NodeHttpTracker | undefined;
  /** `performance.now()` */
  readonly startedMark: number;
  error: unknown;
}

type MeasuredRequest = ClientRequest & {
  [STATE]?: ClientRequestState;
  /** Set by Node when the answer's headers are there. */
  readonly res?: IncomingMessage | null;
};

/** Requests that are sent through `node:http` and `node:https`, by any library, from Node's diagnostics channels. */
export class NodeHttpTracker implements Instrumentation {
  readonly #series: ClientSeries;
  readonly #onStart = guarded(NOT_MEASURED, (message) => {
    const { request } = message as { request: MeasuredRequest };
    if (request[STATE] !== undefined || isTelemetry(request)) return;
    request[STATE] = { measuredBy: this, startedMark: performance.now(), error: undefined };
    request.on('close', onClose);
    request.on(errorMonitor, onError);
  });

  constructor(series: ClientSeries) {
    this.#series = series;
    for (const channel of START_CHANNELS) subscribe(channel, this.#onStart);
  }

  stop(): void {
    for (const channel of START_CHANNELS) unsubscribe(channel, this.#onStart);
  }

  finish(request: MeasuredRequest, { startedMark, error }: ClientRequestState): void {
    const seconds = (performance.now() - startedMark) / 1000;
    const response = request.res ?? undefined;
    const exchange = {
      method: request.method,
      address: request.host,
      port: portOf(request),
      statusCode: response?.statusCode,
      protocolVersion: response?.httpVersion,
    };
    const failure = response?.complete === true ? undefined : failureOf(causeOf(request, error, response));
    this.#series.find(exchange, failure).record(seconds);
  }
}

/** Requests of this package and of OTLP exporters are nobody's traffic. */
function isTelemetry(request: ClientRequest): boolean {
  return isOwnRequest(request) || isExporting();
}

/** What a request was ended by. Once there is an answer, only the connection knows: the answer says no more than ECONNRESET. */
function causeOf(request: MeasuredRequest, error: unknown, response: IncomingMessage | undefined): unknown {
  return error ?? request.socket?.errored ?? response?.errored;
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

/** The port is only in the `Host` header, which names the same host; there it is left out if it is the scheme's own. */
function portOf(request: MeasuredRequest): number {
  const header = request.getHeader('host');
  const colon = typeof header === 'string' ? header.lastIndexOf(':') : -1;
  if (typeof header === 'string' && colon > header.lastIndexOf(']')) return Number(header.slice(colon + 1));
  return request.protocol === 'https:' ? 443 : 80;
}
