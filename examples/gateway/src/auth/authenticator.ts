import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

import type { Access, AuthConfig, AuthMethod } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import { ApiKeys } from './api-keys.js';
import { Introspection } from './introspection.js';
import { JwtVerifier } from './jwt.js';

/** Who sent a request. */
export interface Identity {
  readonly method: AuthMethod;
  /** Id of the API key, subject of the token, or common name of the certificate. */
  readonly subject: string;
  readonly scopes: readonly string[];
}

/** `undefined`: there is no credential of this kind. @throws Problem if there is one that is not valid */
type Check = (request: IncomingMessage) => Identity | undefined | Promise<Identity | undefined>;

export class Authenticator {
  readonly #checks: Readonly<Record<AuthMethod, Check>>;

  constructor(config: AuthConfig, clientSecret: string) {
    const keys = new ApiKeys(config.apiKeys ?? []);
    const jwt = config.jwt && new JwtVerifier(config.jwt);
    const introspection = config.introspection && new Introspection(config.introspection, clientSecret);
    this.#checks = {
      apiKey: ({ headers }) => keys.check(headers['x-api-key']),
      jwt: (request) => withToken(request, (token) => jwt?.verify(token)),
      introspection: (request) => withToken(request, (token) => introspection?.ask(token)),
      mtls: certificateOf,
    };
  }

  /** @throws Problem 401 without a valid credential, 403 without the scopes, 503 if nobody can tell */
  async authenticate(request: IncomingMessage, access: Access): Promise<Identity> {
    let refusal: unknown;
    for (const method of access.any) {
      try {
        const identity = await this.#checks[method](request);
        if (identity !== undefined) return withScopes(identity, access);
      } catch (error) {
        if (error instanceof Problem && error.status === 403) throw error;
        refusal = error;
      }
    }
    throw refusal ?? unauthorized('A credential is needed.', access);
  }
}

function withScopes(identity: Identity, { scopes = [] }: Access): Identity {
  const missing = scopes.filter((scope) => !identity.scopes.includes(scope));
  if (missing.length === 0) return identity;
  throw new Problem(403, 'forbidden', `The scope ${missing.join(' ')} is needed.`, {
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"` },
  });
}

function unauthorized(detail: string, { any }: Access): Problem {
  const bearer = any.includes('jwt') || any.includes('introspection');
  return new Problem(401, 'unauthorized', detail, {
    headers: { 'www-authenticate': bearer ? 'Bearer' : 'ApiKey' },
  });
}

async function withToken(
  { headers }: IncomingMessage,
  check: (token: string) => Promise<Identity> | undefined,
): Promise<Identity | undefined> {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(headers.authorization ?? '')?.[1];
  return token === undefined ? undefined : check(token);
}

/** A certificate that the authority in TLS_CLIENT_CA_FILE signed. */
function certificateOf({ socket }: IncomingMessage): Identity | undefined {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return undefined;
  const name = getPeerCertificate.call(socket as TLSSocket).subject.CN;
  return { method: 'mtls', subject: String(name), scopes: [] };
}
