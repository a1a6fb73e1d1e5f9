import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';

import type { JwtConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Identity } from './authenticator.js';

/** Never `none`, and no HMAC: a public key is no secret. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const JWKS_TIMEOUT_MS = 3000;
/** A token with an unknown key id makes the keys be fetched again, so often at most. */
const JWKS_COOLDOWN_MS = 1000;
const JWKS_MAX_AGE_MS = 600_000;

/** Access tokens signed by a key of a JWKS. */
export class JwtVerifier {
  readonly #config: JwtConfig;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;

  constructor(config: JwtConfig) {
    this.#config = config;
    this.#keys = createRemoteJWKSet(new URL(config.jwksUrl), {
      timeoutDuration: JWKS_TIMEOUT_MS,
      cooldownDuration: JWKS_COOLDOWN_MS,
      cacheMaxAge: JWKS_MAX_AGE_MS,
    });
  }

  /** @throws Problem 401, or 503 if the keys cannot be fetched */
  async verify(token: string): Promise<Identity> {
    const { issuer, audience, clockSkewSeconds: clockTolerance = 30, algorithms = ALGORITHMS } = this.#config;
    const options = {
      issuer,
      audience,
      clockTolerance,
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'sub'],
    };
    try {
      const { payload } = await jwtVerify(token, this.#keys, options);
      return { method: 'jwt', subject: String(payload.sub), scopes: scopesOf(payload) };
    } catch (error) {
      throw problemOf(error);
    }
  }
}

/** `scope` as RFC 9068 has it, or `scp` as some issuers do. */
export function scopesOf(payload: JWTPayload): string[] {
  const scopes: unknown = payload['scope'] ?? payload['scp'];
  if (typeof scopes === 'string') return scopes.split(' ').filter((scope) => scope !== '');
  return Array.isArray(scopes) ? scopes.map(String) : [];
}

function problemOf(error: unknown): Problem {
  const isToken =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC';
  if (!isToken)
    return new Problem(503, 'keys_unavailable', 'The keys of the issuer cannot be fetched.', {
      cause: error,
    });
  return new Problem(401, 'unauthorized', `The token is not valid: ${error.code}.`, {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    cause: error,
  });
}
