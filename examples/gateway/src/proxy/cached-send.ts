import type { Readable } from 'node:stream';

import { Problem } from '../server/problem.js';
import type { UpstreamResponse } from '../upstreams/target.js';
import type { Headers } from './headers.js';
import { asCacheable, type CacheEntry, type CacheRequest, type ResponseCache } from './response-cache.js';

export type CacheResult = 'hit' | 'miss' | 'revalidated' | 'stale';

/** An answer, from the service or from the cache. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable | Buffer;
  readonly result: CacheResult;
}

/**
 * Answers a GET from the cache if that is fresh; else asks the service, if there is something old whether that still holds.
 *
 * @param ask sends with further headers
 */
export async function sendCached(
  cache: ResponseCache,
  request: CacheRequest,
  ask: (more: Headers) => Promise<UpstreamResponse>,
): Promise<Answer> {
  const entry = await cache.get(request);
  if (entry === undefined) return fromService(cache, request, await ask({}));
  const cacheable = asCacheable(request);
  if (entry.policy.satisfiesWithoutRevalidation(cacheable)) return fromEntry(entry, 'hit');
  const conditional = conditionalHeaders(entry, request);
  let response: UpstreamResponse;
  try {
    response = await ask(conditional);
  } catch (error) {
    if (error instanceof Problem && error.status >= 500 && mayBeStale(entry))
      return fromEntry(entry, 'stale');
    throw error;
  }
  const headers = response.headers as Headers;
  if (response.statusCode >= 500 && mayBeStale(entry)) {
    void response.body.dump();
    return fromEntry(entry, 'stale');
  }
  if (response.statusCode !== 304 || Object.keys(conditional).length === 0)
    return fromService(cache, request, response);
  void response.body.dump();
  const { policy } = entry.policy.revalidatedPolicy(cacheable, { status: 304, headers: headers });
  const fresh: CacheEntry = { ...entry, policy };
  await cache.put(request, fresh);
  return fromEntry(fresh, 'revalidated');
}

/** Only what the policy adds: `If-None-Match`, `If-Modified-Since`; nothing if another variant is kept. */
function conditionalHeaders({ policy }: CacheEntry, request: CacheRequest): Headers {
  const all = policy.revalidationHeaders(asCacheable(request)) as Headers;
  return Object.fromEntries(
    ['if-none-match', 'if-modified-since'].flatMap((name) => {
      const value = all[name];
      return value === undefined || request.headers[name] === value ? [] : [[name, value]];
    }),
  );
}

/** As `stale-if-error` of the answer allows it (RFC 5861). */
function mayBeStale({ policy }: CacheEntry): boolean {
  const seconds = /stale-if-error=(\d+)/.exec(String(policy.responseHeaders()['cache-control']))?.[1];
  return seconds !== undefined && policy.age() - policy.maxAge() <= Number(seconds);
}

function fromService(cache: ResponseCache, request: CacheRequest, response: UpstreamResponse): Answer {
  const headers = response.headers as Headers;
  const body = cache.keeping(request, response.statusCode, headers, response.body);
  return { status: response.statusCode, headers, body, result: 'miss' };
}

function fromEntry({ policy, status, body }: CacheEntry, result: CacheResult): Answer {
  const headers = policy.responseHeaders() as Headers;
  return { status, headers: { ...headers, 'content-length': String(body.length) }, body, result };
}
