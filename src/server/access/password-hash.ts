import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** scrypt's own parameters: cost `N`, block size `r`, parallelization `p`. */
interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

export interface PasswordHash {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** One of OWASP's choices for scrypt, the one that takes least memory: 16 MiB, and about 0.15 s of a thread. */
const COST: Cost = { N: 16_384, r: 8, p: 5 };

/** What a check may take, however a hash was made: memory in bytes, and N·r·p, to which its time is proportional. */
const MAX_MEMORY = 64 * 1024 * 1024;
const MAX_WORK = 4 * COST.N * COST.r * COST.p;

const HASH_BYTES = 32;
const SALT_BYTES = 16;

/** Neither `$` nor commas, as other notations have: shells, Compose files and lists in variables would change those. */
const FORM = /^scrypt:(?<N>\d{1,8}):(?<r>\d{1,3}):(?<p>\d{1,3}):(?<salt>[\w-]{11,86}):(?<hash>[\w-]{22,86})$/;

/**
 * The hash of a password for `ORCHESTRATOR_METRICS_BASIC_AUTH`, after the name and a colon: `scrypt:N:r:p:salt:hash`, the last
 * two in base64url. Its salt is random. Made on a thread of libuv's pool, in about 0.15 s.
 *
 * @example
 * ```ts
 * console.log(`prometheus:${await hashPassword(password)}`);
 * ```
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST, HASH_BYTES);
  const { N, r, p } = COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join(':');
}

/** Undefined for text that is no hash, or one whose check would cost too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const groups = FORM.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const [N = 0, r = 0, p = 0] = [groups['N'], groups['r'], groups['p']].map(Number);
  const isPowerOfTwo = N > 1 && Number.isInteger(Math.log2(N));
  if (!isPowerOfTwo || r < 1 || p < 1 || memoryOf({ N, r, p }) > MAX_MEMORY || N * r * p > MAX_WORK)
    return undefined;
  return {
    cost: { N, r, p },
    salt: Buffer.from(groups['salt'] ?? '', 'base64url'),
    hash: Buffer.from(groups['hash'] ?? '', 'base64url'),
  };
}

/** On a thread of libuv's pool. */
export async function isPassword(password: string, { cost, salt, hash }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, cost, hash.length), hash);
}

/** A hash that no password has: it takes as long to find out that a user does not exist. */
export function nobodysHash(): PasswordHash {
  return { cost: COST, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
}

function derive(password: string, salt: Buffer, cost: Cost, bytes: number): Promise<Buffer> {
  // Node's own limit is just what N and r need, without what p needs.
  const options = { ...cost, maxmem: 2 * MAX_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, bytes, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function memoryOf({ N, r, p }: Cost): number {
  return 128 * r * (N + p);
}
