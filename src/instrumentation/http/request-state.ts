/** A symbol of the global registry: an application may load a second copy of this package, and both mean the same request. */
const STATE: unique symbol = Symbol.for('@org/orchestrator/request');

export type HttpScheme = 'http' | 'https';

/** Reads the route from what a framework keeps of a request; shared by all requests of that framework. */
export type RouteSource = (subject: unknown) => string | undefined;

/** For frameworks that say the route itself. */
export const declaredRoute: RouteSource = (subject) => (typeof subject === 'string' ? subject : undefined);

/** A router of Express in which a request is. */
export interface Mount {
  /** The part of the path that led there: `/tenants/acme`. */
  readonly baseUrl: string;
  /** The same as it was declared: `/tenants/:tenant`. */
  readonly pattern: string;
}

/** Node gave a request up, because it was broken or did not arrive in time. */
export interface Refusal {
  /** The code of Node's error. */
  readonly code: string;
  /** The status that Node answered; 0 if the application answered, by a listener for `clientError`. */
  readonly status: number;
}

/** Counts a request when it has ended. */
export interface RequestObserver {
  /**
   * Does nothing for a request that was counted already.
   *
   * @param failure the reason why the response did not reach the client; undefined if it did
   * @param refusal if Node answered, and not the application
   */
  finish(state: RequestState, failure: string | undefined, refusal?: Refusal): void;
}

/**
 * All that is kept of one request, as one property of it. Express exchanges the prototype of requests and responses, which
 * turns them into dictionaries: on Node 20 every property that is written to or read from them then costs 0.1 to 0.3 µs.
 *
 * What is known when the request starts is noted then, because an application may change all of it later on: routers cut
 * `url`, middleware sets `method`, and `encrypted` of the socket behind a proxy that ends TLS.
 */
export class RequestState {
  readonly request: object;
  response: object | undefined = undefined;
  /** Undefined when the request is counted already, or will not be. */
  measuredBy: RequestObserver | undefined = undefined;
  /** `performance.now()` */
  startedMark: number = Number.NaN;
  /** `performance.now()` when the headers of the response were made, if that was before its end. */
  headersMark: number | undefined = undefined;
  /** Bytes that its connection had sent by then. */
  sentBefore: number | undefined = undefined;
  /** Position in the names of `HttpMethods`. */
  method = 0;
  scheme: HttpScheme = 'http';
  /** The request target, with its query. */
  target: string | undefined = undefined;
  protocolVersion = '1.1';
  /** Bytes of its body, as declared; undefined where nothing says, or nobody asked. */
  requestBytes: number | undefined = undefined;
  /** The argument of `setRoute`. */
  route: string | undefined = undefined;
  /** Reads the route from `subject` when the request ends; set by the framework that handles the request. */
  source: RouteSource | undefined = undefined;
  subject: unknown = undefined;
  /** The router of Express that was entered last and not left. */
  mount: Mount | undefined = undefined;
  /** What had sent the headers called `next` nevertheless: what comes after it does not answer. */
  answered = false;

  constructor(request: object) {
    this.request = request;
  }
}

/** Node's request, or an HTTP/2 stream, which is all of a request that Node's channels show. */
export interface StatefulRequest {
  [STATE]?: RequestState;
  readonly httpVersionMajor?: number;
  readonly stream?: StatefulRequest;
}

/** Undefined if nothing is known of the request. */
export function stateOf(request: StatefulRequest): RequestState | undefined {
  return request[STATE];
}

/** The state of a request, begun if need be. */
export function ensureState(request: StatefulRequest): RequestState {
  const known = request[STATE];
  if (known !== undefined) return known;
  const state = new RequestState(request);
  request[STATE] = state;
  if (request.httpVersionMajor === 2 && request.stream !== undefined) request.stream[STATE] = state;
  return state;
}
