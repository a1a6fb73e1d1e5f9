import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';

import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import { pathOf } from '../path.js';
import { stateOf, type StatefulRequest } from '../request-state.js';
import { routeOf } from '../route.js';
import { ABORTED, byteLength, emptyExchange, type HttpScheme, type TrackerContext } from './exchange.js';

const START_CHANNEL = 'http2.server.stream.start';
const CLOSE_CHANNEL = 'http2.server.stream.close';

interface Started {
  /** `performance.now()` */
  readonly mark: number;
  readonly method: number;
  readonly scheme: HttpScheme;
  readonly headers: IncomingHttpHeaders;
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
  readonly #onClose = guarded(NOT_MEASURED, (message) => {
    const { stream } = message as { stream: ServerHttp2Stream };
    this.#finish(stream);
  });

  constructor(context: TrackerContext) {
    this.#context = context;
    this.#exchange.protocolVersion = '2';
    subscribe(START_CHANNEL, this.#onStart);
    subscribe(CLOSE_CHANNEL, this.#onClose);
  }

  stop(): void {
    unsubscribe(START_CHANNEL, this.#onStart);
    unsubscribe(CLOSE_CHANNEL, this.#onClose);
  }

  #start(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { ignore, methods, recorders } = this.#context;
    if (ignore?.(pathOf(headers[':path'] ?? '/') ?? '') === true) return;
    const method = methods.positionOf(headers[':method']);
    const scheme = headers[':scheme'] === 'https' ? 'https' : 'http';
    this.#open.set(stream, { mark: performance.now(), method, scheme, headers });
    for (const recorder of recorders) recorder.started(method, scheme);
  }

  #finish(stream: ServerHttp2Stream & StatefulRequest): void {
    const started = this.#open.get(stream);
    if (started === undefined) return;
    this.#open.delete(stream);
    const exchange = this.#exchange;
    const { normalizer, bodySizes, recorders } = this.#context;
    const { sentHeaders, aborted, rstCode } = stream;
    const request = stateOf(stream)?.request;
    const failed = aborted || rstCode !== 0;
    const status = Number(sentHeaders?.[':status'] ?? 0);
    exchange.seconds = (performance.now() - started.mark) / 1000;
    exchange.request = request;
    exchange.method = started.method;
    exchange.scheme = started.scheme;
    exchange.statusCode = status;
    exchange.failure = failed ? ABORTED : undefined;
    exchange.route = routeOf(
      request ?? { url: started.headers[':path'] },
      !failed && status < 400,
      normalizer,
    );
    if (bodySizes) {
      exchange.requestBytes = byteLength(started.headers['content-length']);
      exchange.responseBytes = byteLength(sentHeaders?.['content-length']);
    }
    for (const recorder of recorders) recorder.finished(exchange);
    exchange.request = undefined;
  }
}
