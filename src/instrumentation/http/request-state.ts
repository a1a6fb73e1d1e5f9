import type { Http1Tracker } from './http1-tracker.js';

/** A symbol of the global registry: an application may load a second copy of this package, and both mean the same request. */
const NOTES: unique symbol = Symbol.for('@org/orchestrator/request');

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

/**
 * All that is kept of one request, as one property of it. Express exchanges the prototype of requests and responses, which
 * turns them into dictionaries: on Node 20 every property that is written to or read from them then costs 0.1 to 0.3 µs.
 */
export class RequestNotes {
  readonly request: object;
  /** Who will count the request; undefined when that is done, or nobody will. */
  measuredBy: Http1Tracker | undefined = undefined;
  /** `performance.now()` */
  startedAt: number = Number.NaN;
  /** Position in `HTTP_METHODS`: middleware may change `request.method` later on. */
  method = 0;
  /** What `setRoute` said. */
  route: string | undefined = undefined;
  /** How the route is read from `subject` when the request ends; set by the framework that handles the request. */
  source: RouteSource | undefined = undefined;
  subject: unknown = undefined;
  /** The router of Express that was entered last. */
  mount: Mount | undefined = undefined;

  constructor(request: object) {
    this.request = request;
  }
}

/** Node's request, or an HTTP/2 stream, which is all of a request that Node's channels show. */
export interface NotedRequest {
  [NOTES]?: RequestNotes;
  readonly httpVersionMajor?: number;
  readonly stream?: NotedRequest;
}

/** Undefined if nobody has noted anything. */
export function notesOf(request: NotedRequest): RequestNotes | undefined {
  return request[NOTES];
}

/** Begins the notes of a request if need be. */
export function noted(request: NotedRequest): RequestNotes {
  const known = request[NOTES];
  if (known !== undefined) return known;
  const notes = new RequestNotes(request);
  request[NOTES] = notes;
  if (request.httpVersionMajor === 2 && request.stream !== undefined) request.stream[NOTES] = notes;
  return notes;
}
