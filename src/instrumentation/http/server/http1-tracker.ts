import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import { pathOf } from '../path.js';
import { ensureState, type RequestObserver, stateOf, type StatefulRequest } from '../request-state.js';
import { routeOf } from '../route.js';
import { ABORTED, byteLength, emptyExchange, type HttpScheme, type TrackerContext } from './exchange.js';

const START_CHANNEL = 'http.server.request.start';
/** Node publishes it when the response was handed over; never for one whose connection was closed before. */
const FINISH_CHANNEL = 'http.server.response.finish';
const CONNECTION: unique symbol = Symbol('orchestrator.connection');

type MeasuredResponse = ServerResponse & {
  /** Null for a body in chunks. `getHeader` knows of no header that came with `writeHead` or that Node added. */
  readonly _contentLength?: number | null;
  /** False for HEAD, 204 and 304, whatever `Content-Length` says. */
  readonly _hasBody?: boolean;
};

type MeasuredSocket = Socket & {
  [CONNECTION]?: Connection;
  readonly encrypted?: boolean;
};

type MeasuredRequest = IncomingMessage & StatefulRequest & { readonly socket: MeasuredSocket };

/** A message of Node's on both channels. */
interface Published {
  readonly request: MeasuredRequest;
  readonly response: MeasuredResponse;
  readonly socket: MeasuredSocket;
  readonly server: Server;
}

/**
 * HTTP/1. Nothing is registered or allocated per request but its state: Node's channel tells of each response that was sent,
 * and the end of a connection of those that were not.
 */
export class Http1Tracker implements RequestObserver {
  readonly #context: TrackerContext;
  readonly #onStart = guarded(NOT_MEASURED, (message) => this.#start(message as Published));
  readonly #onFinish = guarded(NOT_MEASURED, (message) => {
    const { request, response, socket } = message as Published;
    socket[CONNECTION]?.remove(response);
    this.finish(request, response, undefined);
  });
  readonly #exchange = emptyExchange();
  #stopped = false;

  constructor(context: TrackerContext) {
    this.#context = context;
    subscribe(START_CHANNEL, this.#onStart);
    subscribe(FINISH_CHANNEL, this.#onFinish);
  }

  stop(): void {
    this.#stopped = true;
    unsubscribe(START_CHANNEL, this.#onStart);
    unsubscribe(FINISH_CHANNEL, this.#onFinish);
  }

  #start({ request, response, socket, server }: Published): void {
    const { isOwnServer, ignore, methods, recorders } = this.#context;
    if (isOwnServer?.(server) === true) return;
    if (ignore?.(pathOf(request.url ?? '/') ?? '') === true) return;
    const state = ensureState(request);
    if (state.measuredBy !== undefined) return;
    state.measuredBy = this;
    state.startedMark = performance.now();
    state.method = methods.positionOf(request.method);
    connectionOf(socket).add(response);
    const scheme = schemeOf(socket);
    for (const recorder of recorders) recorder.started(state.method, scheme);
  }

  finish(request: MeasuredRequest, response: MeasuredResponse, failure: string | undefined): void {
    const state = stateOf(request);
    if (state?.measuredBy !== this) return;
    state.measuredBy = undefined;
    // The end of its connection may come long after `stop`.
    if (this.#stopped) return;
    const exchange = this.#exchange;
    const { normalizer, bodySizes, recorders } = this.#context;
    exchange.seconds = (performance.now() - state.startedMark) / 1000;
    exchange.request = request;
    exchange.method = state.method;
    exchange.scheme = schemeOf(request.socket);
    exchange.protocolVersion = request.httpVersion;
    // Before any header was sent, `statusCode` is the 200 that nobody decided on.
    exchange.statusCode = failure === undefined || response.headersSent ? response.statusCode : 0;
    exchange.failure = failure;
    exchange.route = routeOf(request, failure === undefined && exchange.statusCode < 400, normalizer);
    if (bodySizes) {
      exchange.requestBytes =
        request.headers['transfer-encoding'] === undefined
          ? byteLength(request.headers['content-length'] ?? 0)
          : undefined;
      const { _hasBody: hasBody, _contentLength: declared } = response;
      exchange.responseBytes = hasBody === false ? 0 : byteLength(declared ?? undefined);
    }
    for (const recorder of recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }
}

/**
 * The responses of one connection that are not finished: one at a time, but for pipelined requests. Those that remain when
 * the connection closes will never be.
 */
class Connection {
  #answering: MeasuredResponse | undefined = undefined;
  #waiting: Set<MeasuredResponse> | undefined = undefined;

  add(response: MeasuredResponse): void {
    if (this.#answering === undefined) this.#answering = response;
    else (this.#waiting ??= new Set()).add(response);
  }

  remove(response: MeasuredResponse): void {
    if (this.#answering === response) this.#answering = undefined;
    else this.#waiting?.delete(response);
  }

  closed(): void {
    for (const response of [this.#answering, ...(this.#waiting ?? [])])
      if (response !== undefined) stateOf(response.req)?.measuredBy?.finish(response.req, response, ABORTED);
  }
}

function connectionOf(socket: MeasuredSocket): Connection {
  let connection = socket[CONNECTION];
  if (connection === undefined) {
    connection = new Connection();
    socket[CONNECTION] = connection;
    socket.once('close', onConnectionClose);
  }
  return connection;
}

const connectionClosed = guarded(NOT_MEASURED, (message) =>
  (message as MeasuredSocket)[CONNECTION]?.closed(),
);

function onConnectionClose(this: MeasuredSocket): void {
  connectionClosed(this);
}

function schemeOf(socket: MeasuredSocket): HttpScheme {
  return socket.encrypted === true ? 'https' : 'http';
}
