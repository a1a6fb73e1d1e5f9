import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Answers with one text, which no cache keeps. */
export function plainResponse(
  response: ServerResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(body);
}
