import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { RouteConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export interface RequestBody {
  readonly body: Readable | Buffer | null;
  /** It can be sent once more. */
  readonly repeatable: boolean;
}

/** Says whether a request may be sent twice: never a POST or PATCH, unless the client gave it a key. */
export function mayBeRetried({ method = 'GET', headers }: IncomingMessage): boolean {
  return IDEMPOTENT.has(method) || (headers['idempotency-key'] ?? '') !== '';
}

/**
 * A body that may have to be sent again is read first if it is short and says its length; any other flows through.
 *
 * @throws Problem 413
 */
export async function requestBody(request: IncomingMessage, route: RouteConfig): Promise<RequestBody> {
  const { headers } = request;
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (length > route.bodyLimitBytes) throw tooLarge(route);
  const mayRepeat = route.retry.count > 0 && mayBeRetried(request);
  if (length === 0 || (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined))
    return { body: null, repeatable: mayRepeat };
  if (mayRepeat && length <= route.retry.bufferBytes)
    return { body: await buffer(request), repeatable: true };
  // With a length that Node's parser enforces there is nothing to count.
  if (!Number.isNaN(length)) return { body: request, repeatable: false };
  return { body: request.pipe(limited(route)), repeatable: false };
}

function limited(route: RouteConfig): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > route.bodyLimitBytes) done(tooLarge(route));
      else done(null, chunk);
    },
  });
}

function tooLarge({ bodyLimitBytes }: RouteConfig): Problem {
  return new Problem(413, 'too_large', `The body is longer than ${bodyLimitBytes} bytes.`, {
    headers: { connection: 'close' },
  });
}
