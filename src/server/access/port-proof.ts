import { createHmac, scrypt, timingSafeEqual } from 'node:crypto';

/** Secrets that are tried; a project in the middle of an exchange has two or three. */
const MAX_SECRETS = 8;

/**
 * Lets two processes of one host find out that they belong together without telling anyone else what they belong to: they
 * share a secret. The one that asks sends a random number, the other one proves what it knows by a hash of number and
 * statement, keyed with a secret. The key is made with scrypt, once for each secret, so that a short secret cannot be guessed
 * quickly from a proof.
 */
export class PortProof {
  readonly #secrets: () => Promise<readonly string[]>;
  readonly #keys = new Map<string, Promise<Buffer>>();

  constructor(secrets: () => Promise<readonly string[]>) {
    this.#secrets = secrets;
  }

  /** One proof of the statement for each secret. */
  async prove(challenge: string, statement: string): Promise<string[]> {
    const keys = await this.#currentKeys();
    return keys.map((key) =>
      createHmac('sha256', key).update(`${challenge}\n${statement}`).digest('base64url'),
    );
  }

  /** Whether one of the proofs is of that statement, by one of our secrets. */
  async isProven(challenge: string, statement: string, proofs: readonly string[]): Promise<boolean> {
    const expected = await this.prove(challenge, statement);
    return expected.some((one) => proofs.some((proof) => isEqual(one, proof)));
  }

  async #currentKeys(): Promise<Buffer[]> {
    const secrets = (await this.#secrets()).slice(0, MAX_SECRETS);
    for (const known of this.#keys.keys()) if (!secrets.includes(known)) this.#keys.delete(known);
    return Promise.all(
      secrets.map((secret) => {
        const key = this.#keys.get(secret) ?? keyOf(secret);
        this.#keys.set(secret, key);
        return key;
      }),
    );
  }
}

function keyOf(secret: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, '@org/orchestrator port', 32, { N: 16_384, r: 8, p: 1 }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
