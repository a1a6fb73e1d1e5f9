import assert from 'node:assert/strict';
import type { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT } from 'jose';

import { hashOfKey } from '../src/auth/api-keys.js';
import { makeCertificates } from './helpers/certificates.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { answer, type Echo, TestUpstream } from './helpers/upstream.js';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'https://api.example.com';

class Issuer {
  readonly keys: Array<{ kid: string; privateKey: webcrypto.CryptoKey; jwk: object }> = [];

  async rotate(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    this.keys.push({
      kid,
      privateKey,
      jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' },
    });
  }

  token(
    claims: object = {},
    options: { aud?: string; iss?: string; exp?: number; kid?: string } = {},
  ): Promise<string> {
    const key = this.keys.find(({ kid }) => kid === (options.kid ?? this.keys.at(-1)?.kid));
    if (key === undefined) throw new Error('no key');
    const exp = options.exp ?? Math.floor(Date.now() / 1000) + 300;
    return new SignJWT({ sub: 'user-1', scope: 'orders:read', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setIssuer(options.iss ?? ISSUER)
      .setAudience(options.aud ?? AUDIENCE)
      .setExpirationTime(exp)
      .sign(key.privateKey);
  }
}

describe('authentication', () => {
  let service: TestUpstream;
  let identity: TestUpstream;
  let gateway: InProcess;
  const issuer = new Issuer();
  const KEY = 'k'.repeat(43);

  before(async () => {
    await issuer.rotate('key-1');
    service = await TestUpstream.start();
    identity = await TestUpstream.start((request, response) => {
      if (request.url === '/jwks')
        return response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }));
      return answer(404)(request, response);
    });
    const route = (name: string, access: object): object => ({
      name,
      path: `/${name}`,
      upstream: 's',
      access,
    });
    gateway = await startInProcess(
      {
        auth: {
          apiKeys: [{ id: 'billing', sha256: hashOfKey(KEY).toString('hex'), scopes: ['orders:read'] }],
          jwt: { issuer: ISSUER, audience: AUDIENCE, jwksUrl: `${identity.url}/jwks`, clockSkewSeconds: 30 },
          introspection: { url: `${identity.url}/introspect`, clientId: 'gateway', cacheSeconds: 600 },
        },
        endpoints: { metrics: { any: ['apiKey'] }, status: { any: ['apiKey'] } },
        routes: [
          route('key', { any: ['apiKey'], scopes: ['orders:read'] }),
          route('admin', { any: ['apiKey', 'jwt'], scopes: ['admin'] }),
          route('token', { any: ['jwt'], scopes: ['orders:read'] }),
          route('either', { any: ['apiKey', 'jwt'] }),
          route('opaque', { any: ['introspection'] }),
          { name: 'open', path: '/open', upstream: 's' },
        ],
      },
      { SERVICE_S_BASE_URL: service.url, OAUTH_CLIENT_SECRET: 's3cret&' },
    );
  });
  after(async () => {
    await gateway.stop();
    await Promise.all([service.stop(), identity.stop()]);
  });
  const get = async (
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; echo: Echo; headers: Headers }> => {
    const response = await fetch(gateway.url + path, { headers });
    return { status: response.status, headers: response.headers, echo: (await response.json()) as Echo };
  };
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

  it('asks for a credential, and says which', async () => {
    const { status, headers } = await get('/key');
    assert.deepEqual([status, headers.get('www-authenticate')], [401, 'ApiKey']);
    assert.equal((await get('/token')).headers.get('www-authenticate'), 'Bearer');
    assert.equal((await get('/open')).status, 200);
  });

  it('knows an API key by its hash, tells the service whose it is, and keeps the key', async () => {
    const { status, echo } = await get('/key', { 'x-api-key': KEY });
    assert.equal(status, 200);
    assert.equal(echo.headers['x-authenticated-subject'], 'billing');
    assert.equal(echo.headers['x-authenticated-scopes'], 'orders:read');
    assert.equal(echo.headers['x-api-key'], undefined);
    assert.equal((await get('/key', { 'x-api-key': `${KEY}x` })).status, 401);
    assert.equal((await get('/key', { 'x-api-key': hashOfKey(KEY).toString('hex') })).status, 401);
    assert.equal((await get('/admin', { 'x-api-key': KEY })).status, 403);
  });

  it('takes a token of the issuer for this audience', async () => {
    const { status, echo } = await get('/token', bearer(await issuer.token()));
    assert.deepEqual([status, echo.headers['x-authenticated-subject']], [200, 'user-1']);
    assert.equal((await get('/admin', bearer(await issuer.token({ scope: 'admin other' })))).status, 200);
    assert.equal((await get('/admin', bearer(await issuer.token()))).status, 403);
    assert.equal((await get('/either', bearer(await issuer.token()))).status, 200);
  });

  it('takes no other token', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stranger = new Issuer();
    await stranger.rotate('key-1');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'x', iss: ISSUER, aud: AUDIENCE, exp: now + 60 })).toString('base64url')}.`;
    const tokens = [
      await issuer.token({}, { aud: 'https://other.example' }),
      await issuer.token({}, { iss: 'https://other.example' }),
      await issuer.token({}, { exp: now - 60 }),
      await stranger.token(),
      none,
      'not-a-token',
      await new SignJWT({ sub: 'x' })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setExpirationTime(now + 60)
        .sign(Buffer.from('x'.repeat(32))),
    ];
    for (const token of tokens) assert.equal((await get('/token', bearer(token))).status, 401, token);
  });

  it('allows for clocks that differ by the skew', async () => {
    assert.equal(
      (await get('/token', bearer(await issuer.token({}, { exp: Math.floor(Date.now() / 1000) - 10 }))))
        .status,
      200,
    );
  });

  it('fetches the keys again when the issuer has a new one', async () => {
    await issuer.rotate('key-2');
    // A new key is looked for once a second at most.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await get('/token', bearer(await issuer.token()))).status, 200);
    assert.equal((await get('/token', bearer(await issuer.token({}, { kid: 'key-1' })))).status, 200);
  });

  it('asks the authorization server about an opaque token, and remembers the answer', async () => {
    const asked: string[] = [];
    identity.handler = (request, response) => {
      let body = '';
      request.on('data', (piece: Buffer) => (body += piece.toString()));
      request.on('end', () => {
        asked.push(`${request.headers.authorization} ${body}`);
        response.end(
          JSON.stringify(
            body.includes('good') ? { active: true, sub: 'robot', scope: 'a b' } : { active: false },
          ),
        );
      });
    };
    assert.equal((await get('/opaque', bearer('good'))).echo.headers['x-authenticated-subject'], 'robot');
    assert.equal((await get('/opaque', bearer('good'))).status, 200);
    assert.equal(asked.length, 1);
    assert.equal(
      asked[0],
      `Basic ${Buffer.from('gateway:s3cret%26').toString('base64')} token=good&token_type_hint=access_token`,
    );
    assert.equal((await get('/opaque', bearer('bad'))).status, 401);
    identity.handler = answer(500);
    assert.equal((await get('/opaque', bearer('unknown'))).status, 503);
    assert.equal((await get('/opaque', bearer('good'))).status, 200);
  });

  it('guards the endpoints of the gateway itself', async () => {
    assert.equal((await get('/metrics')).status, 401);
    assert.equal((await get('/status')).status, 401);
    assert.equal((await get('/status', { 'x-api-key': KEY })).status, 200);
    assert.equal((await get('/health')).status, 200);
  });
});

describe('TLS with client certificates', () => {
  let service: TestUpstream;
  let gateway: InProcess;
  const certificates = makeCertificates();

  before(async () => {
    service = await TestUpstream.start();
    gateway = await startInProcess(
      {
        routes: [
          { name: 'r', path: '/r', upstream: 's', access: { any: ['mtls'] } },
          { name: 'open', path: '/open', upstream: 's' },
        ],
      },
      {
        SERVICE_S_BASE_URL: service.url,
        TLS_CERT_FILE: certificates.serverCert,
        TLS_KEY_FILE: certificates.serverKey,
        TLS_CLIENT_CA_FILE: certificates.ca,
      },
    );
  });
  after(async () => {
    await gateway.stop();
    await service.stop();
  });
  const get = async (
    path: string,
    client?: { cert: string; key: string },
  ): Promise<{ status: number; echo: Echo }> => {
    const files = client && { cert: readFileSync(client.cert), key: readFileSync(client.key) };
    const request = httpsRequest(gateway.url + path, {
      ca: readFileSync(certificates.ca),
      agent: false,
      ...files,
    }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let body = '';
    for await (const piece of response) body += String(piece);
    return { status: response.statusCode ?? 0, echo: JSON.parse(body) as Echo };
  };

  it('takes a certificate of the authority where the route wants one', async () => {
    const own = { cert: certificates.clientCert, key: certificates.clientKey };
    const { status, echo } = await get('/r', own);
    assert.deepEqual(
      [status, echo.headers['x-authenticated-subject'], echo.headers['x-forwarded-proto']],
      [200, 'billing', 'https'],
    );
    assert.equal((await get('/r')).status, 401);
    const stranger = makeCertificates();
    assert.equal((await get('/r', { cert: stranger.clientCert, key: stranger.clientKey })).status, 401);
    assert.equal((await get('/open')).status, 200);
  });
});
