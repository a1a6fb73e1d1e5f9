import type { IncomingMessage } from 'node:http';

import type { AllowedHosts } from '../access/allowed-hosts.js';
import type { RefusalReason } from '../access/refusals.js';

/** Header lines of a request. Prometheus sends 6, browsers some 20, proxies add a handful. */
export const MAX_HEADERS = 100;

/** Bytes of a body: only a request to wipe may have one, and nothing in it is read. */
const MAX_BODY_BYTES = 1024;

/** Two of one of these, and two servers on the way may each believe another one. */
const SINGLE = new Set(['host', 'authorization', 'content-length', 'transfer-encoding', 'origin']);

export interface WrongShape {
  readonly reason: RefusalReason;
  readonly status: 400 | 403 | 413 | 431;
  readonly text: string;
}

/**
 * What is wrong with a request, whatever it asks for; undefined mostly. Node's parser has refused much before, such as two
 * lengths of one body: it runs in its strict mode, whatever the application has chosen for itself.
 */
export function wrongShape(request: IncomingMessage, hosts: AllowedHosts): WrongShape | undefined {
  const { headers, rawHeaders, method, url } = request;
  if (rawHeaders.length > 2 * MAX_HEADERS) return malformed(431, 'Too many header lines.\n');
  const seen = new Set<string>();
  for (let line = 0; line < rawHeaders.length; line += 2) {
    const name = rawHeaders[line]?.toLowerCase() ?? '';
    if (SINGLE.has(name) && seen.has(name)) return malformed(400, 'A header is there twice.\n');
    seen.add(name);
  }
  if (url?.startsWith('/') !== true) return malformed(400, 'The target has to be a path.\n');
  if (!hosts.allows(headers.host)) return FOREIGN_HOST;
  if (!hasBody(request)) return undefined;
  if (method !== 'POST') return malformed(400, 'No body is expected.\n');
  if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES)
    return malformed(413, 'The body is too large.\n');
  return undefined;
}

export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

const FOREIGN_HOST: WrongShape = {
  reason: 'host',
  status: 403,
  text: 'This host name is not allowed. Set ORCHESTRATOR_METRICS_ALLOWED_HOSTS to the names of a proxy or a tunnel in front.\n',
};

function malformed(status: 400 | 413 | 431, text: string): WrongShape {
  return { reason: 'malformed', status, text };
}
