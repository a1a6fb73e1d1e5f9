import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Of this process: what is remembered of a secret is of no use to anyone who gets it. */
const KEY = randomBytes(32);

/** A keyed hash of a text, to compare and to remember it by. */
export function keyedHash(text: string): Buffer {
  return createHmac('sha256', KEY).update(text).digest();
}

/** Some secrets. How long a question takes tells neither whether a secret is right nor how much of it. */
export class SecretSet {
  readonly #hashes: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    this.#hashes = secrets.map(keyedHash);
  }

  has(given: string): boolean {
    const hash = keyedHash(given);
    let found = false;
    // All of them, whatever was found before.
    for (const one of this.#hashes) found = timingSafeEqual(one, hash) || found;
    return found;
  }
}
