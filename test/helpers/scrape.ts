import assert from 'node:assert/strict';

import { Exposition } from './exposition.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** One request of its own connection, so that a process that has gone is not asked through a socket kept open. */
export async function get(port: number, path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers(init.headers);
  headers.set('connection', 'close');
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...init,
    headers,
    signal: AbortSignal.timeout(20_000),
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

/** What Prometheus would get, checked by the strict parser. Throws unless the answer is a 200 in the text format. */
export async function scrape(port: number): Promise<Exposition> {
  const { status, body, headers } = await get(port, '/metrics');
  assert.equal(status, 200, body.slice(0, 500));
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return new Exposition(body);
}
