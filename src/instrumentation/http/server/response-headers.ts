import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import type { Instrumentation } from '../../instrumentation.js';
import { stateOf, type StatefulRequest } from '../request-state.js';

/** What is read of a response of `node:http` beside its public properties. */
export type MeasuredResponse = ServerResponse & {
  readonly req: StatefulRequest;
  /** Null for a body in chunks. `getHeader` knows of no header that came with `writeHead` or that Node added. */
  readonly _contentLength?: number | null;
  /** False for HEAD, 204 and 304, whatever `Content-Length` says. */
  readonly _hasBody?: boolean;
  /** The head as it is sent. */
  readonly _header?: string | null;
};

type WriteHead = (
  this: ServerResponse,
  status: number,
  reason?: unknown,
  headers?: unknown,
) => ServerResponse;

let users = 0;
let restore = (): void => undefined;

/**
 * Notes the time at which a response's headers are made before its end: event streams are measured by that. No channel of
 * Node's tells of it, so `ServerResponse.prototype.writeHead` is wrapped. A response that is sent by `end` alone costs one
 * comparison.
 */
export function stampHeaders(): Instrumentation {
  if (users++ === 0) wrapWriteHead();
  let active = true;
  return {
    stop() {
      if (active && --users === 0) restore();
      active = false;
    },
  };
}

function wrapWriteHead(): void {
  const { prototype } = ServerResponse;
  const original = Reflect.get(prototype, 'writeHead') as WriteHead;
  const writeHead: WriteHead = function writeHead(status, reason, headers) {
    // `end` sets it before it has the headers made.
    const { _contentLength: whole } = this as MeasuredResponse;
    const result = original.call(this, status, reason, headers);
    if (whole === null && users > 0) stamp(this);
    return result;
  };
  Reflect.set(prototype, 'writeHead', writeHead);
  restore = () => {
    // Another package may have wrapped ours in the meantime; then ours stays, and passes through.
    if (Reflect.get(prototype, 'writeHead') === writeHead) Reflect.set(prototype, 'writeHead', original);
  };
}

function stamp(response: MeasuredResponse): void {
  const request: unknown = response.req;
  if (typeof request !== 'object' || request === null) return;
  const state = stateOf(request);
  if (state?.measuredBy === undefined) return;
  state.headersMark = performance.now();
  const { socket, _contentLength: declared } = response;
  if (socket !== null && typeof declared === 'number') state.sentBefore = socket.bytesWritten;
}

/** Media types of responses that go on until their reader leaves. */
const ENDLESS = 'text/event-stream|multipart/x-mixed-replace';
const ENDLESS_TYPE = new RegExp(`^ *(?:${ENDLESS})`, 'i');
const ENDLESS_HEAD = new RegExp(`\\r\\ncontent-type: *(?:${ENDLESS})`, 'i');

export function isEndless(contentType: unknown): boolean {
  return typeof contentType === 'string' && ENDLESS_TYPE.test(contentType);
}

export function isEventStream({ _header: head }: MeasuredResponse): boolean {
  return typeof head === 'string' && ENDLESS_HEAD.test(head);
}

type SocketWithState = Socket & { readonly _writableState?: { readonly needDrain?: boolean } };

/** All bytes that `Content-Length` declares were sent, though `end` was not called before the connection closed. */
export function isWhole(response: MeasuredResponse, sentBefore: number | undefined, socket: Socket): boolean {
  const { _contentLength: declared, _header: head } = response;
  if (sentBefore === undefined || typeof declared !== 'number' || typeof head !== 'string') return false;
  // A write that waits for the reader was not sent, however much of it the system has taken. The public property is false
  // for every socket that is closed.
  const { _writableState: state } = socket as SocketWithState;
  return state?.needDrain !== true && socket.bytesWritten - sentBefore - head.length >= declared;
}
