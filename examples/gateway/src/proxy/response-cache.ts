import { type Readable, Transform } from 'node:stream';

import CachePolicy from 'http-cache-semantics';
import type { Redis } from 'ioredis';

import type { Headers } from './headers.js';

const MOST_BYTES = 1_048_576;
/** A stale answer is kept this long after its end, to be revalidated or shown while the service is in trouble. */
const STALE_SECONDS = 300;

/** What is asked: the request as the service would see it. */
export interface CacheRequest {
  readonly route: string;
  /** Path and query at the upstream. */
  readonly path: string;
  readonly headers: Headers;
  /** The client has an identity: what is not public is not for another one. */
  readonly personal: boolean;
}

export interface CacheEntry {
  readonly policy: CachePolicy;
  readonly status: number;
  readonly body: Buffer;
}

interface Stored {
  readonly policy: CachePolicy.CachePolicyObject;
  readonly status: number;
  readonly body: string;
}

/** Answers kept in Redis as a shared cache may (RFC 9111), for all processes. Any trouble of Redis is a miss. */
export class ResponseCache {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async get(request: CacheRequest): Promise<CacheEntry | undefined> {
    try {
      const text = await this.#redis.get(keyOf(request));
      if (text === null) return undefined;
      const { policy, status, body } = JSON.parse(text) as Stored;
      return { policy: CachePolicy.fromObject(policy), status, body: Buffer.from(body, 'base64') };
    } catch {
      return undefined;
    }
  }

  /** Passes an answer on, and keeps it when all of it has come, if it may be kept. */
  keeping(request: CacheRequest, status: number, headers: Headers, body: Readable): Readable {
    const policy = policyOf(request, status, headers);
    if (!policy.storable() || Number(headers['content-length'] ?? 0) > MOST_BYTES) return body;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const copy = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes <= MOST_BYTES) chunks.push(chunk);
        done(null, chunk);
      },
      flush: (done) => {
        if (bytes <= MOST_BYTES) void this.put(request, { policy, status, body: Buffer.concat(chunks) });
        done();
      },
    });
    body.once('error', (error) => copy.destroy(error));
    copy.once('close', () => body.destroy());
    return body.pipe(copy);
  }

  async put(request: CacheRequest, { policy, status, body }: CacheEntry): Promise<void> {
    const stored: Stored = { policy: policy.toObject(), status, body: body.toString('base64') };
    const seconds = Math.ceil(policy.timeToLive() / 1000) + STALE_SECONDS;
    // Who cannot keep an answer asks for it again.
    await this.#redis.set(keyOf(request), JSON.stringify(stored), 'EX', seconds).catch(() => undefined);
  }

  /** A change of what the path shows: what is kept is no longer right. */
  async forget(request: Pick<CacheRequest, 'route' | 'path'>): Promise<void> {
    await this.#redis.del(keyOf(request)).catch(() => undefined);
  }
}

/** In the form that `http-cache-semantics` asks about. */
export function asCacheable(request: CacheRequest): CachePolicy.Request {
  const headers = { ...request.headers };
  // An API key or a certificate makes an answer as personal as `Authorization` does.
  if (request.personal) headers['authorization'] ??= 'present';
  return { url: request.path, method: 'GET', headers };
}

export function policyOf(request: CacheRequest, status: number, headers: Headers): CachePolicy {
  return new CachePolicy(asCacheable(request), { status, headers: headers }, { shared: true });
}

function keyOf({ route, path }: Pick<CacheRequest, 'route' | 'path'>): string {
  return `gateway:cache:${route}:${path}`;
}
