import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';

import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import { pathOf } from '../path.js';
import { type HttpScheme, stateOf, type StatefulRequest } from '../request-state.js';
import { routeOf } from '../route.js';
import { ABORTED, byteLength, emptyExchange, type TrackerContext } from './exchange.js';
import { grpcStatusOf, GRPC_OK, isGrpc } from './grpc-status.js';
import { isEndless } from './response-headers.js';
import { LONG_WAIT_SECONDS } from './waiting-request.js';

const START_CHANNEL = 'http2.server.stream.start';
/** Node publishes it when the headers of the response are sent. */
const HEADERS_CHANNEL = 'http2.server.stream.finish';
const CLOSE_CHANNEL = 'http2.server.stream.close';

/** What is known of a request at its start. An application may change the headers later on: they are one object. */
interface Started {
  /** `performance.now()` */
  readonly mark: number;
  /** The same when the headers of the response were sent. */
  headersMark: number;
  readonly method: number;
  readonly scheme: HttpScheme;
  readonly target: string;
  readonly requestBytes: number | undefined;
  readonly isGrpc: boolean;
  /** By extended CONNECT. */
  readonly isWebSocket: boolean;
}

/** HTTP/2, from channels that Node 20 does not have; there such requests are not measured. */
export class Http2Tracker {
  readonly #context: TrackerContext;
  readonly #exchange = emptyExchange();
  readonly #open = new WeakMap<object, Started>();
  readonly #onStart = guarded(NOT_MEASURED, (message) => {
    const { stream, headers } = message as { stream: ServerHttp2Stream; headers: IncomingHttpHeaders };
    this.#start(stream, headers);
  });
  readonly #onHeaders = guarded(NOT_MEASURED, (message) => {
    const started = this.#open.get((message as { stream: ServerHttp2Stream }).stream);
    if (started !== undefined) started.headersMark = performance.now();
  });
  readonly #onClose = guarded(NOT_MEASURED, (message) => {
    const { stream } = message as { stream: ServerHttp2Stream };
    this.#finish(stream);
  });

  constructor(context: TrackerContext) {
    this.#context = context;
    this.#exchange.protocolVersion = '2';
    subscribe(START_CHANNEL, this.#onStart);
    subscribe(HEADERS_CHANNEL, this.#onHeaders);
    subscribe(CLOSE_CHANNEL, this.#onClose);
  }

  stop(): void {
    unsubscribe(START_CHANNEL, this.#onStart);
    unsubscribe(HEADERS_CHANNEL, this.#onHeaders);
    unsubscribe(CLOSE_CHANNEL, this.#onClose);
  }

  #start(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { ignore, methods, recorders } = this.#context;
    const target = headers[':path'] ?? '/';
    if (ignore?.(pathOf(target) ?? '') === true) return;
    const method = methods.positionOf(headers[':method']);
    const scheme = headers[':scheme'] === 'https' ? 'https' : 'http';
    this.#open.set(stream, {
      mark: performance.now(),
      headersMark: Number.NaN,
      method,
      scheme,
      target,
      requestBytes: byteLength(headers['content-length']),
      isGrpc: isGrpc(headers),
      isWebSocket: headers[':protocol'] !== undefined,
    });
    for (const recorder of recorders) recorder.started(method, scheme);
  }

  #finish(stream: ServerHttp2Stream & StatefulRequest): void {
    const started = this.#open.get(stream);
    if (started === undefined) return;
    this.#open.delete(stream);
    const exchange = this.#exchange;
    const { normalizer, bodySizes, recorders, waits } = this.#context;
    const { sentHeaders, sentTrailers, aborted, rstCode, writableFinished } = stream;
    const sent: OutgoingHttpHeaders | undefined = sentHeaders;
    const request = stateOf(stream)?.request;
    // A client that resets a stream after its last byte has everything.
    const failed = aborted || (rstCode !== 0 && !writableFinished);
    const { isGrpc: grpc, target } = started;
    const seconds = (performance.now() - started.mark) / 1000;
    exchange.request = request;
    exchange.method = started.method;
    exchange.scheme = started.scheme;
    exchange.statusCode = Number(sent?.[':status'] ?? 0);
    exchange.failure = failed ? ABORTED : undefined;
    exchange.seconds = seconds;
    exchange.grpcStatus = grpc ? grpcStatusOf(sent, sentTrailers, failed) : undefined;
    if (sent !== undefined && isStream(started, sent, grpc && failed)) {
      exchange.seconds = (started.headersMark - started.mark) / 1000;
      exchange.failure = undefined;
    } else if ((failed || seconds > LONG_WAIT_SECONDS) && waits(target)) {
      exchange.seconds = undefined;
      exchange.failure = undefined;
    }
    const succeeded =
      exchange.failure === undefined &&
      exchange.statusCode > 0 &&
      exchange.statusCode < 400 &&
      (exchange.grpcStatus ?? GRPC_OK) === GRPC_OK;
    exchange.route = routeOf(request ?? stream, target, succeeded, normalizer);
    if (bodySizes) {
      exchange.requestBytes = started.requestBytes;
      exchange.responseBytes = byteLength(sent?.['content-length']);
    }
    for (const recorder of recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }
}

/**
 * An event stream, a WebSocket (extended CONNECT), or a call of gRPC that sends messages until its client ends it. Their time
 * is the one to the headers.
 */
function isStream({ isWebSocket }: Started, sent: OutgoingHttpHeaders, endedGrpc: boolean): boolean {
  return endedGrpc || isWebSocket || isEndless(sent['content-type']);
}
