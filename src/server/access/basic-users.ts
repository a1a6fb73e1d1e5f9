import { keyedHash } from './secret-set.js';
import { isPassword, nobodysHash, parsePasswordHash, type PasswordHash } from './password-hash.js';
import type { OneByOne } from './one-by-one.js';

/** Headers whose answer is remembered, right and wrong ones each. */
const MAX_REMEMBERED = 200;

/** What a header says of itself; `busy`: too many wait for an answer. */
export type Judgement = 'right' | 'wrong' | 'busy';

/**
 * The users of basic authentication. A password is checked on a thread of libuv's pool, one at a time, because the
 * application needs that pool for its files and names; the answer is remembered by a keyed hash of the header, so that
 * a scraper pays once.
 */
export class BasicUsers {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #nobody = nobodysHash();
  readonly #known = new Map<string, Judgement>();
  readonly #judging = new Map<string, Promise<Judgement>>();
  readonly #checks: OneByOne;

  /** @param checks shared with the users that were there before a file changed */
  constructor(entries: readonly string[], checks: OneByOne) {
    this.#users = new Map(entries.map(userOf).filter((user) => user !== undefined));
    this.#checks = checks;
  }

  /**
   * @param encoded what follows `Basic ` in the header
   * @param address of the client: of each only a few wait
   */
  async judge(encoded: string, address: string): Promise<Judgement> {
    const key = keyedHash(encoded).toString('base64');
    const known = this.#known.get(key) ?? this.#judging.get(key);
    if (known !== undefined) return known;
    const judging = this.#checks.run(address, async () => ((await this.#check(encoded)) ? 'right' : 'wrong'));
    // Scrapers with one header that come together share one check.
    this.#judging.set(key, judging);
    try {
      const judgement = await judging;
      if (judgement !== 'busy') this.#remember(key, judgement);
      return judgement;
    } finally {
      this.#judging.delete(key);
    }
  }

  async #check(encoded: string): Promise<boolean> {
    const text = Buffer.from(encoded, 'base64').toString();
    const colon = text.indexOf(':');
    const user = this.#users.get(text.slice(0, Math.max(colon, 0)));
    return isPassword(text.slice(colon + 1), user ?? this.#nobody);
  }

  #remember(key: string, judgement: Judgement): void {
    // Right ones are few; wrong ones come in any number, and must not push those out.
    const alike = [...this.#known].filter(([, one]) => one === judgement);
    const [oldest] = alike;
    if (alike.length >= MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest[0]);
    this.#known.set(key, judgement);
  }
}

/** Whether a line is a user: a name, a colon, a hash. */
export function isUser(entry: string): boolean {
  return userOf(entry) !== undefined;
}

function userOf(entry: string): [name: string, hash: PasswordHash] | undefined {
  const colon = entry.indexOf(':');
  const hash = parsePasswordHash(entry.slice(colon + 1));
  return colon < 1 || hash === undefined ? undefined : [entry.slice(0, colon), hash];
}
