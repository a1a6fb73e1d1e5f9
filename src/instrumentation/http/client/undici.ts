import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';

import { guarded, NOT_MEASURED } from '../../guarded-listener.js';
import type { Instrumentation } from '../../instrumentation.js';
import type { ClientSeries } from './client-series.js';
import { failureOf } from './failure.js';
import { isExporting } from './telemetry.js';

/** A request of undici, as its channels show it. */
interface UndiciRequest {
  readonly method: string;
  readonly origin: string | URL;
}

/** What is known of a request at its start, and what its channels tell later on. */
interface Sent {
  /** `performance.now()` */
  readonly startedMark: number;
  readonly method: string;
  readonly scheme: string;
  readonly address: string;
  readonly port: number;
  statusCode: number | undefined;
  protocolVersion: string | undefined;
}

interface Message {
  readonly request: UndiciRequest;
  readonly socket?: { readonly alpnProtocol?: string | false | null };
  readonly response?: { readonly statusCode: number };
  readonly error?: unknown;
}

/** Requests of `fetch` and of undici, from the channels of undici. CONNECT, which opens a tunnel, is none. */
export class UndiciTracker implements Instrumentation {
  readonly #series: ClientSeries;
  readonly #open = new WeakMap<UndiciRequest, Sent>();
  readonly #listeners: ReadonlyArray<readonly [channel: string, listener: (message: unknown) => void]> = [
    ['undici:request:create', this.#on(({ request }) => this.#start(request))],
    ['undici:client:sendHeaders', this.#on((message) => this.#sending(message))],
    ['undici:request:headers', this.#on((message) => this.#answered(message))],
    ['undici:request:trailers', this.#on(({ request }) => this.#finish(request, undefined))],
    ['undici:request:error', this.#on(({ request, error }) => this.#finish(request, failureOf(error)))],
  ];

  constructor(series: ClientSeries) {
    this.#series = series;
    for (const [channel, listener] of this.#listeners) subscribe(channel, listener);
  }

  stop(): void {
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
  }

  #on(listener: (message: Message) => void): (message: unknown) => void {
    return guarded(NOT_MEASURED, (message) => listener(message as Message));
  }

  #start(request: UndiciRequest): void {
    if (request.method === 'CONNECT' || isExporting()) return;
    const { protocol, hostname, port } = new URL(request.origin);
    this.#open.set(request, {
      startedMark: performance.now(),
      method: request.method,
      scheme: protocol.slice(0, -1),
      address: hostname,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      statusCode: undefined,
      protocolVersion: undefined,
    });
  }

  #sending({ request, socket }: Message): void {
    const sent = this.#open.get(request);
    // undici offers h2 only if it is asked to; a connection that negotiated nothing is HTTP/1.1.
    if (sent !== undefined) sent.protocolVersion = socket?.alpnProtocol === 'h2' ? '2' : '1.1';
  }

  #answered({ request, response }: Message): void {
    const sent = this.#open.get(request);
    if (sent !== undefined) sent.statusCode = response?.statusCode;
  }

  #finish(request: UndiciRequest, failure: string | undefined): void {
    const sent = this.#open.get(request);
    if (sent === undefined) return;
    this.#open.delete(request);
    this.#series.find(sent, failure).record((performance.now() - sent.startedMark) / 1000);
  }
}
