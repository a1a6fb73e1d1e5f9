/** A symbol of the global registry: an application may load a second copy of this package, and both mean the same request. */
const STATE: unique symbol = Symbol.for('@org/orchestrator/request');

/** Reads the route from what a framework keeps of a request; shared by all requests of that framework. */
export type RouteSource = (subject: unknown) => string | undefined;

/** For frameworks that say the route itself. */
export const declaredRoute: RouteSource = (subject) => (typeof subject === 'string' ? subject : undefined);

/** A router of Express that a request has entered. */
export interface Mount {
  readonly baseUrl: string;
  readonly pattern: string;
  readonly parent: Mount | undefined;
}

/** Counts a request when it has ended. */
export interface RequestObserver {
  /**
   * Does nothing for a request that was counted already.
   *
   * @param failure the reason why the response did not reach the client; undefined if it did
   */
  finish(request: object, response: object, failure: string | undefined): void;
}

/**
 * All that is kept of one request, as one property of it. Express exchanges the prototype of requests and responses, which
 * turns them into dictionaries: on Node 20 every property that is written to or read from them then costs 0.1 to 0.3 µs.
 */
export class RequestState {
  readonly request: object;
  /** Undefined when the request is counted already, or will not be. */
  measuredBy: RequestObserver | undefined = undefined;
  /** `performance.now()` */
  startedMark: number = Number.NaN;
  /** Position in the names of `HttpMethods`: middleware may change `request.method` later on. */
  method = 0;
  /** The argument of `setRoute`. */
  route: string | undefined = undefined;
  /** Reads the route from `subject` when the request ends; set by the framework that handles the request. */
  source: RouteSource | undefined = undefined;
  subject: unknown = undefined;
  /** The router of Express that was entered last. */
  mount: Mount | undefined = undefined;

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
