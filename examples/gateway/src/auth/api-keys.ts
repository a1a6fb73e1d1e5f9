import { createHash, timingSafeEqual } from 'node:crypto';

import type { ApiKeyConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Identity } from './authenticator.js';

/** SHA-256 is enough for a key of 256 random bits: there is nothing to guess. */
export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

export class ApiKeys {
  readonly #keys: ReadonlyArray<{ readonly hash: Buffer; readonly identity: Identity }>;

  constructor(configs: readonly ApiKeyConfig[]) {
    this.#keys = configs.map(({ id, sha256, scopes = [] }) => ({
      hash: Buffer.from(sha256, 'hex'),
      identity: { method: 'apiKey', subject: id, scopes },
    }));
  }

  /** @throws Problem 401 for a key that is not known */
  check(key: string | string[] | undefined): Identity | undefined {
    if (typeof key !== 'string' || key === '') return undefined;
    const hash = hashOfKey(key);
    let found: Identity | undefined;
    // Every key is compared, whichever it is, so that the time tells nothing.
    for (const known of this.#keys) if (timingSafeEqual(known.hash, hash)) found = known.identity;
    if (found !== undefined) return found;
    throw new Problem(401, 'unauthorized', 'The API key is not known.', {
      headers: { 'www-authenticate': 'ApiKey' },
    });
  }
}
