import type { IncomingMessage, ServerResponse } from 'node:http';

import { interceptRequests } from './intercept-requests.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Answers one path on every HTTP server of the application, before the application sees the request; everything else
 * passes untouched.
 *
 * @param isOwnServer servers that have an endpoint of their own
 * @returns a function that ends it
 */
export function serveOnApplication(
  path: string,
  handler: Handler,
  isOwnServer: (server: object) => boolean,
): () => void {
  let ended = false;
  const restore = interceptRequests((server, request, response) => {
    if (ended || !isMetricsRequest(request, path) || isOwnServer(server)) return false;
    handler(request, response);
    return true;
  });
  return () => {
    ended = true;
    restore();
  };
}

function isMetricsRequest({ url, method }: IncomingMessage, path: string): boolean {
  if (url === undefined || !url.startsWith(path) || (method !== 'GET' && method !== 'HEAD')) return false;
  return url.length === path.length || url[path.length] === '?';
}
