import { createHash } from 'node:crypto';

import { request } from 'undici';

import type { AuthConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Identity } from './authenticator.js';
import { scopesOf } from './jwt.js';

const TIMEOUT_MS = 3000;
const MOST_REMEMBERED = 10_000;

interface Answer {
  readonly active: boolean;
  readonly sub?: string;
  readonly client_id?: string;
  readonly exp?: number;
  readonly scope?: string;
}

/** Asks the authorization server about a token (RFC 7662), and remembers a good answer for a short time. */
export class Introspection {
  readonly #config: NonNullable<AuthConfig['introspection']>;
  readonly #credentials: string;
  readonly #known = new Map<string, { readonly identity: Identity; readonly until: number }>();

  constructor(config: NonNullable<AuthConfig['introspection']>, clientSecret: string) {
    this.#config = config;
    const pair = `${encodeURIComponent(config.clientId)}:${encodeURIComponent(clientSecret)}`;
    this.#credentials = `Basic ${Buffer.from(pair).toString('base64')}`;
  }

  /** @throws Problem 401, or 503 if the authorization server does not answer */
  async ask(token: string): Promise<Identity> {
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(key);
    if (known !== undefined && known.until > Date.now()) return known.identity;
    this.#known.delete(key);
    const answer = await this.#fetch(token);
    if (!answer.active || (answer.exp !== undefined && answer.exp * 1000 <= Date.now()))
      throw new Problem(401, 'unauthorized', 'The token is not active.', {
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      });
    const subject = answer.sub ?? answer.client_id ?? 'unknown';
    const identity: Identity = {
      method: 'introspection',
      subject,
      scopes: scopesOf({ scope: answer.scope }),
    };
    this.#remember(key, identity, answer.exp);
    return identity;
  }

  #remember(key: string, identity: Identity, exp: number | undefined): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= MOST_REMEMBERED && oldest.done !== true) this.#known.delete(oldest.value);
    const until = Date.now() + (this.#config.cacheSeconds ?? 10) * 1000;
    this.#known.set(key, { identity, until: Math.min(until, (exp ?? Infinity) * 1000) });
  }

  async #fetch(token: string): Promise<Answer> {
    try {
      const { statusCode, body } = await request(this.#config.url, {
        method: 'POST',
        headers: {
          authorization: this.#credentials,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (statusCode === 200) return (await body.json()) as Answer;
      await body.dump();
      throw new Error(`the authorization server answered ${statusCode}`);
    } catch (cause) {
      throw new Problem(503, 'introspection_unavailable', 'The authorization server does not answer.', {
        cause,
      });
    }
  }
}
