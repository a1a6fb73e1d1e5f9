import type { Meter } from '@opentelemetry/api';

import type { BoundMeter } from '../../meter/bound-meter.js';
import type { HttpMethods } from '../methods.js';
import type { HttpScheme } from '../request-state.js';
import type { RouteNormalizer } from '../route-normalizer.js';

/**
 * One finished request. One object serves all requests, one after the other: a recorder reads what it needs during the
 * call and keeps nothing of it.
 */
export interface HttpExchange {
  /** Absent for an HTTP/2 stream that was answered without the compatibility API. */
  readonly request: object | undefined;
  /** Position in the names of `HttpMethods`. */
  readonly method: number;
  readonly scheme: HttpScheme;
  /** `1.0`, `1.1` or `2`. */
  readonly protocolVersion: string;
  /** The status that was sent; 0 when the connection ended before any was. */
  readonly statusCode: number;
  readonly route: string | undefined;
  /** The reason why the response did not reach the client; undefined if it did, whatever its status. */
  readonly failure: string | undefined;
  /** Undefined for a request that was left open on purpose: its time says nothing. */
  readonly seconds: number | undefined;
  /** Status of a call of gRPC; undefined for everything else. */
  readonly grpcStatus: number | undefined;
  /** Payload bytes as declared by `Content-Length`; undefined where nothing says. */
  readonly requestBytes: number | undefined;
  readonly responseBytes: number | undefined;
}

export interface RecorderOptions {
  readonly meter: Meter;
  /** Makes the instruments that are recorded to for every request. */
  readonly instruments: BoundMeter;
  readonly methods: HttpMethods;
  /** Called before requests in progress are told, so that none is whose connection has closed. */
  readonly settle: () => void;
}

/** Turns requests into measurements of one naming scheme. */
export interface HttpServerRecorder {
  /** A request whose headers have been read. `method` is a position in the names of `HttpMethods`. */
  started(method: number, scheme: HttpScheme): void;
  /** Called once for each `started`. */
  finished(exchange: HttpExchange): void;
  /** Removes its callbacks from the meter. */
  stop(): void;
}

/** What all trackers of requests share. */
export interface TrackerContext {
  readonly ignore: ((path: string) => boolean) | undefined;
  readonly isOwnServer: ((server: object) => boolean) | undefined;
  readonly bodySizes: boolean;
  readonly methods: HttpMethods;
  readonly recorders: readonly HttpServerRecorder[];
  readonly normalizer: RouteNormalizer | undefined;
  /** Whether a request that took long was left open on purpose; gets its target. */
  readonly waits: (target: string) => boolean;
}

/** {@link HttpExchange.failure} of a response whose connection was closed before it was sent. */
export const ABORTED = 'aborted';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The one object that a tracker fills for each request in turn. */
export function emptyExchange(): Writable<HttpExchange> {
  return {
    request: undefined,
    method: 0,
    scheme: 'http',
    protocolVersion: '1.1',
    statusCode: 0,
    route: undefined,
    failure: undefined,
    seconds: 0,
    grpcStatus: undefined,
    requestBytes: undefined,
    responseBytes: undefined,
  };
}

/** A `Content-Length`; undefined if there is none. */
export function byteLength(header: number | string | readonly string[] | undefined): number | undefined {
  const bytes = header === undefined ? Number.NaN : Number(header);
  return Number.isFinite(bytes) ? bytes : undefined;
}
