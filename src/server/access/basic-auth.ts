import { BasicUsers, type Judgement } from './basic-users.js';
import { OneByOne } from './one-by-one.js';
import type { Secrets } from './secrets.js';

/** Basic authentication (RFC 7617) with the users that are set at the moment. */
export class BasicAuth {
  readonly #secrets: Secrets;
  readonly #checks = new OneByOne();
  #of: readonly string[] | undefined;
  #users: BasicUsers | undefined;

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

  /** See {@link BasicUsers}. */
  async judge(encoded: string, address: string): Promise<Judgement> {
    const current = await this.#secrets.current();
    if (current !== this.#of || this.#users === undefined) {
      this.#of = current;
      this.#users = new BasicUsers(current, this.#checks);
    }
    return this.#users.judge(encoded, address);
  }
}
