import type { IncomingHttpHeaders } from 'node:http';

import { isSpanContextValid, propagation, trace } from '@opentelemetry/api';

import type { Identity } from '../auth/authenticator.js';
import type { HeaderChanges } from '../config/gateway-config.js';

export type Headers = Record<string, string | string[]>;

/** They belong to one connection (RFC 9110, 7.6.1), and to no other. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Written by the gateway only; a client that sends them means to be somebody else. */
const OURS = new Set([
  'x-authenticated-method',
  'x-authenticated-subject',
  'x-authenticated-scopes',
  'forwarded',
  'x-real-ip',
]);

/** What is not passed on in a request: `host` is the target's, the rest is between the client and us. */
const NOT_PASSED_ON = new Set([
  'host',
  'expect',
  'x-api-key',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
]);

export interface RequestHeaderOptions {
  readonly requestId: string;
  readonly forwarded: Readonly<Record<string, string>>;
  /** Our name in `Via`. */
  readonly via: string;
  readonly identity: Identity | undefined;
  readonly changes: HeaderChanges | undefined;
  readonly hasBody: boolean;
}

export function requestHeaders(incoming: IncomingHttpHeaders, options: RequestHeaderOptions): Headers {
  const headers = withoutHopByHop(incoming);
  for (const name of NOT_PASSED_ON) delete headers[name];
  for (const name of OURS) delete headers[name];
  if (!options.hasBody) delete headers['content-length'];
  if (isTracing()) for (const name of propagation.fields()) delete headers[name];
  Object.assign(headers, options.forwarded);
  headers['x-request-id'] = options.requestId;
  headers['via'] = [incoming.via, `1.1 ${options.via}`].filter(Boolean).join(', ');
  const { identity } = options;
  if (identity !== undefined) {
    headers['x-authenticated-method'] = identity.method;
    headers['x-authenticated-subject'] = encodeURIComponent(identity.subject);
    headers['x-authenticated-scopes'] = identity.scopes.join(' ');
  }
  return changed(headers, options.changes);
}

/** @param origin of the target @param publicOrigin of the gateway: a redirect to the target becomes one to us */
export function responseHeaders(
  incoming: IncomingHttpHeaders,
  options: {
    readonly via: string;
    readonly origin: string;
    readonly publicOrigin: string;
    readonly changes: HeaderChanges | undefined;
  },
): Headers {
  const headers = withoutHopByHop(incoming);
  headers['via'] = [incoming.via, `1.1 ${options.via}`].filter(Boolean).join(', ');
  const { location } = headers;
  if (
    typeof location === 'string' &&
    (location === options.origin || location.startsWith(`${options.origin}/`))
  )
    headers['location'] = options.publicOrigin + location.slice(options.origin.length);
  return changed(headers, options.changes);
}

function withoutHopByHop(incoming: IncomingHttpHeaders): Headers {
  const listed = incoming.connection
    ?.toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const headers: Headers = {};
  for (const [name, value] of Object.entries(incoming)) {
    if (
      value === undefined ||
      name.startsWith(':') ||
      HOP_BY_HOP.has(name) ||
      listed?.includes(name) === true
    )
      continue;
    headers[name] = value;
  }
  return headers;
}

function changed(headers: Headers, changes: HeaderChanges | undefined): Headers {
  if (changes === undefined) return headers;
  for (const name of changes.remove ?? []) delete headers[name.toLowerCase()];
  for (const [name, value] of Object.entries(changes.set ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}

/** Then the instrumentation of the client writes the headers of the trace; the client's would be a second copy. */
function isTracing(): boolean {
  const context = trace.getActiveSpan()?.spanContext();
  return context !== undefined && isSpanContextValid(context);
}
