import type { Cache } from '../cache/cache.js';
import type { Caller } from './api-keys.js';

const KIND = 'key';
/** A key is known with version 0, and revoked with version 1: nothing puts back what was revoked. */
const KNOWN = 0;
const REVOKED = 1;

/** Who a key belongs to, for when no database answers. */
export async function rememberKey(cache: Cache, hash: Buffer, caller: Caller): Promise<void> {
  await cache.put(KIND, hash.toString('hex'), KNOWN, caller);
}

/** Undefined: not known. Null: revoked. */
export async function recallKey(cache: Cache, hash: Buffer): Promise<Caller | null | undefined> {
  return cache.get<Caller>(KIND, hash.toString('hex'));
}

/** Revoked keys are of no use either when no database answers. */
export async function forgetKeys(cache: Cache, hashes: readonly Buffer[]): Promise<void> {
  await Promise.all(hashes.map(async (hash) => cache.put(KIND, hash.toString('hex'), REVOKED, null)));
}
