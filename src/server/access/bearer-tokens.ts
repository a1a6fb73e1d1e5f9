import { SecretSet } from './secret-set.js';
import type { Secrets } from './secrets.js';

/** Tokens that clients send as `Authorization: Bearer <token>` (RFC 6750). */
export class BearerTokens {
  readonly #secrets: Secrets;
  #of: readonly string[] | undefined;
  #set = new SecretSet([]);

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  get isSet(): boolean {
    return this.#secrets.isSet;
  }

  /** See {@link Secrets.current}. */
  current(): Promise<readonly string[]> {
    return this.#secrets.current();
  }

  async has(token: string): Promise<boolean> {
    const current = await this.#secrets.current();
    if (current !== this.#of) {
      this.#of = current;
      this.#set = new SecretSet(current);
    }
    return this.#set.has(token);
  }
}

/** What clients can send. */
export const isToken = (entry: string): boolean => /^[\u0021-\u007e]+$/.test(entry);
