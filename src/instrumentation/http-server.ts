import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import { diag, type Meter } from '@opentelemetry/api';

import { type HttpExchange, type HttpScheme, type HttpServerRecorder, methodIndex } from './http-exchange.js';
import { SemconvRecorder } from './http-semconv-recorder.js';
import { pathOf, RouteNormalizer } from './route-normalizer.js';
import { type RoutedRequest, routeOf } from './route.js';

export interface HttpServerOptions {
  readonly meter: Meter;
  /** Paths, without query, that are not measured. Default: none. */
  readonly ignore?: ((path: string) => boolean) | undefined;
  /** Servers that are not measured: our own. Default: none. */
  readonly isOwnServer?: ((server: object) => boolean) | undefined;
  /** Buckets of `http.server.request.duration` in seconds. Default: those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
  /** `http.server.request.body.size` and `http.server.response.body.size`. Default false. */
  readonly bodySizes?: boolean | undefined;
  /** Distinct normalized paths of servers without a framework; 0 gives them no route. Default 200. */
  readonly maxNormalizedRoutes?: number | undefined;
}

export interface Instrumentation {
  /** No further request is measured. Idempotent. */
  stop(): void;
}

/** Marks the end of a response whose connection was closed before it was sent. */
const ABORTED = 'aborted';

const START_CHANNEL = 'http.server.request.start';
const STARTED: unique symbol = Symbol('orchestrator.started');
const TRACKER: unique symbol = Symbol('orchestrator.tracker');
const QUEUED: unique symbol = Symbol('orchestrator.queued');

type MeasuredResponse = ServerResponse & { [STARTED]?: number | undefined; [TRACKER]?: HttpServerTracker };
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

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Measures every request of every `http` and `https` server of the process. Node's diagnostics channel tells of each
 * request, so nothing is patched, and it does not matter whether the application is CommonJS or ESM or was loaded before.
 * The listener and the one for the response's `close` are shared by all requests; per request, one number is kept.
 */
export function instrumentHttpServer(options: HttpServerOptions): Instrumentation {
  const { meter, boundaries, bodySizes } = options;
  return new HttpServerTracker(options, [new SemconvRecorder({ meter, boundaries, bodySizes })]);
}

class HttpServerTracker implements Instrumentation {
  private readonly ignore: ((path: string) => boolean) | undefined;
  private readonly isOwnServer: ((server: object) => boolean) | undefined;
  private readonly bodySizes: boolean;
  private readonly recorders: readonly HttpServerRecorder[];
  private readonly normalizer: RouteNormalizer | undefined;
  private readonly onStart = (message: unknown): void => {
    // An error thrown to a channel's publisher ends the process.
    try {
      this.start(message as RequestStart);
    } catch (error) {
      diag.error('orchestrator: a request is not measured', error);
    }
  };
  private readonly exchange: Writable<HttpExchange> = {
    request: undefined,
    method: 0,
    scheme: 'http',
    protocolVersion: '1.1',
    statusCode: 0,
    route: undefined,
    failure: undefined,
    seconds: 0,
    requestBytes: undefined,
    responseBytes: undefined,
  };

  constructor(options: HttpServerOptions, recorders: readonly HttpServerRecorder[]) {
    const { maxNormalizedRoutes = 200 } = options;
    this.ignore = options.ignore;
    this.isOwnServer = options.isOwnServer;
    this.bodySizes = options.bodySizes === true;
    this.recorders = recorders;
    this.normalizer =
      maxNormalizedRoutes > 0 ? new RouteNormalizer({ maxRoutes: maxNormalizedRoutes }) : undefined;
    subscribe(START_CHANNEL, this.onStart);
  }

  stop(): void {
    unsubscribe(START_CHANNEL, this.onStart);
    for (const recorder of this.recorders) recorder.stop();
  }

  private start({ request, response, socket, server }: RequestStart): void {
    if (this.isOwnServer?.(server) === true) return;
    if (this.ignore?.(pathOf(request.url ?? '/') ?? '') === true) return;
    response[STARTED] = performance.now();
    response[TRACKER] = this;
    response.on('close', onResponseClose);
    const { _httpMessage: answering } = socket;
    if (answering) queue(socket, response);
    const method = methodIndex(request.method);
    const scheme = schemeOf(socket);
    for (const recorder of this.recorders) recorder.started(method, scheme);
  }

  /** Called when the response was sent or its connection closed; the second of two calls does nothing. */
  finish(response: MeasuredResponse): void {
    const started = response[STARTED];
    if (started === undefined) return;
    response[STARTED] = undefined;
    const { exchange } = this;
    const request: RoutedRequest & { readonly socket: MeasuredSocket } & IncomingMessage = response.req;
    request.socket[QUEUED]?.delete(response);
    exchange.seconds = (performance.now() - started) / 1000;
    exchange.request = request;
    exchange.method = methodIndex(request.method);
    exchange.scheme = schemeOf(request.socket);
    exchange.protocolVersion = request.httpVersion;
    // Before any header was sent, `statusCode` is the 200 that nobody decided on.
    exchange.statusCode = response.headersSent ? response.statusCode : 0;
    exchange.failure = response.writableFinished ? undefined : ABORTED;
    exchange.route = routeOf(
      request,
      response.writableFinished && response.statusCode < 400,
      this.normalizer,
    );
    if (this.bodySizes) {
      exchange.requestBytes =
        request.headers['transfer-encoding'] === undefined
          ? length(request.headers['content-length'] ?? 0)
          : undefined;
      exchange.responseBytes = length(response.getHeader('content-length'));
    }
    for (const recorder of this.recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }
}

function onResponseClose(this: MeasuredResponse): void {
  try {
    this[TRACKER]?.finish(this);
  } catch (error) {
    diag.error('orchestrator: a request is not measured', error);
  }
}

function schemeOf(socket: MeasuredSocket): HttpScheme {
  return socket.encrypted === true ? 'https' : 'http';
}

function length(header: number | string | string[] | undefined): number | undefined {
  const bytes = header === undefined ? Number.NaN : Number(header);
  return Number.isFinite(bytes) ? bytes : undefined;
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
