import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import { pathOf } from '../path.js';
import {
  ensureState,
  type Refusal,
  type RequestObserver,
  type RequestState,
  stateOf,
  type StatefulRequest,
} from '../request-state.js';
import { routeOf } from '../route.js';
import { Connection } from './connection.js';
import { ABORTED, byteLength, emptyExchange, type TrackerContext } from './exchange.js';
import { refusalOf } from './node-answer.js';
import { isEventStream, isWhole, type MeasuredResponse, stampHeaders } from './response-headers.js';
import { LONG_WAIT_SECONDS } from './waiting-request.js';

const START_CHANNEL = 'http.server.request.start';
/** Node publishes it when the response was handed over; never for one whose connection was closed before. */
const FINISH_CHANNEL = 'http.server.response.finish';
/** Node publishes it for every connection that a server has accepted. */
const SOCKET_CHANNEL = 'net.server.socket';
const CONNECTION: unique symbol = Symbol('orchestrator.connection');
/** A symbol of the global registry: of two copies of this package one counts the refusal. */
const REFUSED: unique symbol = Symbol.for('@org/orchestrator/refused');

type MeasuredSocket = Socket & {
  [CONNECTION]?: Connection;
  [REFUSED]?: boolean;
  readonly encrypted?: boolean;
  readonly server?: Server;
};

type MeasuredRequest = IncomingMessage & StatefulRequest & { readonly socket: MeasuredSocket };

/** A message of Node's on both channels of requests. */
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
    const { request, socket } = message as Published;
    const state = stateOf(request);
    if (state === undefined) return;
    socket[CONNECTION]?.remove(state);
    this.finish(state, undefined);
  });
  readonly #onSocket = guarded(NOT_MEASURED, (message) => {
    const { socket } = message as { socket: MeasuredSocket };
    const { server } = socket;
    if (server instanceof Server && this.#context.isOwnServer?.(server) !== true) this.#connectionOf(socket);
  });
  readonly #onClose = guarded(NOT_MEASURED, (message) => this.#closed(message as MeasuredSocket));
  readonly #headers = stampHeaders();
  readonly #open = new Set<MeasuredSocket>();
  readonly #exchange = emptyExchange();
  #stopped = false;

  constructor(context: TrackerContext) {
    this.#context = context;
    subscribe(START_CHANNEL, this.#onStart);
    subscribe(FINISH_CHANNEL, this.#onFinish);
    subscribe(SOCKET_CHANNEL, this.#onSocket);
  }

  stop(): void {
    this.#stopped = true;
    this.#open.clear();
    this.#headers.stop();
    unsubscribe(START_CHANNEL, this.#onStart);
    unsubscribe(FINISH_CHANNEL, this.#onFinish);
    unsubscribe(SOCKET_CHANNEL, this.#onSocket);
  }

  /** Ends the requests of connections whose `close` the application has kept from us. */
  sweep(): void {
    for (const socket of this.#open) if (socket.destroyed) this.#onClose(socket);
  }

  #start({ request, response, socket, server }: Published): void {
    const { isOwnServer, ignore, bodySizes, methods, recorders } = this.#context;
    if (isOwnServer?.(server) === true) return;
    if (ignore?.(pathOf(request.url ?? '/') ?? '') === true) return;
    const state = ensureState(request);
    if (state.measuredBy !== undefined) return;
    state.measuredBy = this;
    const connection = this.#connectionOf(socket);
    state.startedMark = performance.now();
    state.scheme = connection.scheme;
    state.method = methods.positionOf(request.method);
    state.target = request.url;
    state.protocolVersion = request.httpVersion;
    if (bodySizes) state.requestBytes = declaredBytes(request);
    state.response = response;
    connection.add(state);
    for (const recorder of recorders) recorder.started(state.method, state.scheme);
  }

  finish(state: RequestState, failure: string | undefined, refusal?: Refusal): void {
    if (state.measuredBy !== this) return;
    state.measuredBy = undefined;
    // The end of its connection may come long after `stop`.
    if (this.#stopped) return;
    const request = state.request as MeasuredRequest;
    const response = state.response as MeasuredResponse;
    const exchange = this.#exchange;
    const { normalizer, bodySizes, recorders } = this.#context;
    exchange.request = request;
    exchange.method = state.method;
    exchange.scheme = state.scheme;
    exchange.protocolVersion = state.protocolVersion;
    // Before any header was sent, `statusCode` is the 200 that nobody decided on.
    exchange.statusCode = failure === undefined || response.headersSent ? response.statusCode : 0;
    exchange.failure = failure;
    exchange.seconds = (performance.now() - state.startedMark) / 1000;
    this.#judge(state, response, refusal);
    const { statusCode } = exchange;
    const succeeded = exchange.failure === undefined && statusCode > 0 && statusCode < 400;
    exchange.route = routeOf(request, state.target ?? '/', succeeded, normalizer);
    if (bodySizes) {
      exchange.requestBytes = state.requestBytes;
      const { _hasBody: hasBody, _contentLength: declared } = response;
      exchange.responseBytes = hasBody === false ? 0 : byteLength(declared ?? undefined);
    }
    for (const recorder of recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }

  /** The requests whose end or time is not what it seems. */
  #judge(state: RequestState, response: MeasuredResponse, refusal: Refusal | undefined): void {
    const exchange = this.#exchange;
    const { failure, seconds = 0 } = exchange;
    if (refusal !== undefined) {
      exchange.statusCode = refusal.status;
      exchange.failure = refusal.status === 0 ? refusal.code : undefined;
    } else if (state.headersMark !== undefined && isEventStream(response)) {
      exchange.seconds = (state.headersMark - state.startedMark) / 1000;
      exchange.failure = undefined;
    } else if ((failure !== undefined || seconds > LONG_WAIT_SECONDS) && this.#waits(state)) {
      exchange.seconds = undefined;
      exchange.failure = undefined;
    }
  }

  #waits({ target = '' }: RequestState): boolean {
    return this.#context.waits(target);
  }

  #connectionOf(socket: MeasuredSocket): Connection {
    let connection = socket[CONNECTION];
    if (connection === undefined) {
      connection = new Connection(socket.encrypted === true ? 'https' : 'http');
      socket[CONNECTION] = connection;
      this.#open.add(socket);
      socket.once('close', () => this.#onClose(socket));
    }
    return connection;
  }

  #closed(socket: MeasuredSocket): void {
    this.#open.delete(socket);
    const unanswered = socket[CONNECTION]?.takeAll() ?? [];
    const refusal = refusalOf(socket);
    if (refusal !== undefined && unanswered.length === 0) this.#refused(socket, refusal);
    for (const [index, state] of unanswered.entries()) {
      const response = state.response as MeasuredResponse;
      // Node's answer is the first one that the client waits for, unless something of it was sent.
      if (index === 0 && refusal !== undefined && !response.headersSent)
        state.measuredBy?.finish(state, ABORTED, refusal);
      else state.measuredBy?.finish(state, isWhole(response, state.sentBefore, socket) ? undefined : ABORTED);
    }
  }

  /** Counts an answer of Node to what was no request. */
  #refused(socket: MeasuredSocket, { status }: Refusal): void {
    // A connection on which nothing came is closed by 408 too: browsers open some in advance.
    if (this.#stopped || status === 0 || socket.bytesRead === 0 || socket[REFUSED] === true) return;
    socket[REFUSED] = true;
    const exchange = this.#exchange;
    exchange.request = undefined;
    exchange.method = 0;
    exchange.scheme = this.#connectionOf(socket).scheme;
    exchange.protocolVersion = '1.1';
    exchange.statusCode = status;
    exchange.failure = undefined;
    exchange.route = undefined;
    exchange.seconds = 0;
    exchange.requestBytes = undefined;
    exchange.responseBytes = undefined;
    for (const recorder of this.#context.recorders) {
      recorder.started(exchange.method, exchange.scheme);
      recorder.finished(exchange);
    }
  }
}

/** Undefined for a body in chunks. */
function declaredBytes({ headers }: IncomingMessage): number | undefined {
  return headers['transfer-encoding'] === undefined ? byteLength(headers['content-length'] ?? 0) : undefined;
}
