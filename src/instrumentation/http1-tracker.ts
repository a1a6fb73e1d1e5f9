import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import {
  ABORTED,
  byteLength,
  emptyExchange,
  type HttpScheme,
  methodIndex,
  type TrackerContext,
} from './http-exchange.js';
import { guarded, NOT_MEASURED } from './guarded.js';
import { pathOf } from './route-normalizer.js';
import { type RoutedRequest, routeOf } from './route.js';

const START_CHANNEL = 'http.server.request.start';
const STARTED: unique symbol = Symbol('orchestrator.started');
const METHOD: unique symbol = Symbol('orchestrator.method');
const TRACKER: unique symbol = Symbol('orchestrator.tracker');
const QUEUED: unique symbol = Symbol('orchestrator.queued');

type MeasuredResponse = ServerResponse & {
  [STARTED]?: number | undefined;
  [METHOD]?: number;
  [TRACKER]?: Http1Tracker;
};
type MeasuredSocket = Socket & {
  [QUEUED]?: Set<MeasuredResponse>;
  readonly _httpMessage?: unknown;
  readonly encrypted?: boolean;
};

/** What Node publishes on `http.server.request.start`. */
interface RequestStart {
  readonly request: IncomingMessage;
  readonly response: MeasuredResponse;
  readonly socket: MeasuredSocket;
  readonly server: Server;
}

/** HTTP/1. The listener and the one for the response's `close` are shared by all requests; two numbers are kept for each. */
export class Http1Tracker {
  private readonly context: TrackerContext;
  private readonly onStart = guarded(NOT_MEASURED, (message) => this.start(message as RequestStart));
  private readonly exchange = emptyExchange();

  constructor(context: TrackerContext) {
    this.context = context;
    subscribe(START_CHANNEL, this.onStart);
  }

  stop(): void {
    unsubscribe(START_CHANNEL, this.onStart);
  }

  private start({ request, response, socket, server }: RequestStart): void {
    const { isOwnServer, ignore, recorders } = this.context;
    if (isOwnServer?.(server) === true) return;
    if (ignore?.(pathOf(request.url ?? '/') ?? '') === true) return;
    // Middleware may change `request.method` later on.
    const method = methodIndex(request.method);
    response[METHOD] = method;
    response[STARTED] = performance.now();
    response[TRACKER] = this;
    response.on('close', onResponseClose);
    const { _httpMessage: answering } = socket;
    if (answering) queue(socket, response);
    const scheme = schemeOf(socket);
    for (const recorder of recorders) recorder.started(method, scheme);
  }

  /** Called when the response was sent or its connection closed; the second of two calls does nothing. */
  finish(response: MeasuredResponse): void {
    const started = response[STARTED];
    if (started === undefined) return;
    response[STARTED] = undefined;
    const { exchange } = this;
    const { normalizer, bodySizes, recorders } = this.context;
    const request: RoutedRequest & { readonly socket: MeasuredSocket } & IncomingMessage = response.req;
    request.socket[QUEUED]?.delete(response);
    exchange.seconds = (performance.now() - started) / 1000;
    exchange.request = request;
    exchange.method = response[METHOD] ?? 0;
    exchange.scheme = schemeOf(request.socket);
    exchange.protocolVersion = request.httpVersion;
    // Before any header was sent, `statusCode` is the 200 that nobody decided on.
    exchange.statusCode = response.headersSent ? response.statusCode : 0;
    exchange.failure = response.writableFinished ? undefined : ABORTED;
    exchange.route = routeOf(request, response.writableFinished && response.statusCode < 400, normalizer);
    if (bodySizes) {
      exchange.requestBytes =
        request.headers['transfer-encoding'] === undefined
          ? byteLength(request.headers['content-length'] ?? 0)
          : undefined;
      exchange.responseBytes = byteLength(response.getHeader('content-length'));
    }
    for (const recorder of recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }
}

const finish = guarded(NOT_MEASURED, (message) => {
  const response = message as MeasuredResponse;
  response[TRACKER]?.finish(response);
});

function onResponseClose(this: MeasuredResponse): void {
  finish(this);
}

function schemeOf(socket: MeasuredSocket): HttpScheme {
  return socket.encrypted === true ? 'https' : 'http';
}

/**
 * A pipelined response waits for the one before it, and until Node 24 never hears that the connection was closed in the
 * meantime. Without this, `http.server.active_requests` would stay up for ever.
 */
function queue(socket: MeasuredSocket, response: MeasuredResponse): void {
  const known = socket[QUEUED];
  if (known !== undefined) {
    known.add(response);
    return;
  }
  const waiting = new Set([response]);
  socket[QUEUED] = waiting;
  socket.once('close', () => {
    for (const each of waiting) onResponseClose.call(each);
  });
}
