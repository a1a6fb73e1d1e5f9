import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { type Server, startRedis } from '../demo/servers.js';
import { hashOfKey } from '../src/auth/api-keys.js';
import { eventually } from './helpers/eventually.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { answer, TestUpstream } from './helpers/upstream.js';

const KEYS = { one: 'key-one', two: 'key-two' };
describe('rate limits and cached answers, over two gateways with one Redis', () => {
  let redis: Server;
  let service: TestUpstream;
  let gateways: InProcess[];

  before(async () => {
    const apiKeys = Object.entries(KEYS).map(([id, key]) => ({ id, sha256: hashOfKey(key).toString('hex') }));
    redis = await startRedis();
    service = await TestUpstream.start();
    const config = {
      auth: { apiKeys },
      routes: [
        {
          name: 'limited',
          path: '/limited',
          upstream: 's',
          rateLimit: { requests: 5, perSeconds: 600 },
          access: { any: ['apiKey'] },
        },
        {
          name: 'by-address',
          path: '/by-address',
          upstream: 's',
          rateLimit: { requests: 3, perSeconds: 600, key: 'ip' },
        },
        { name: 'cached', path: '/cached/:id', upstream: 's', cache: true, retry: { count: 0 } },
        { name: 'personal', path: '/personal', upstream: 's', cache: true, access: { any: ['apiKey'] } },
        { name: 'uncached', path: '/uncached', upstream: 's' },
      ],
    };
    const env = {
      SERVICE_S_BASE_URL: service.url,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis.port),
      TRUSTED_PROXIES: '127.0.0.1',
    };
    gateways = [await startInProcess(config, env), await startInProcess(config, env)];
    await ready();
  });
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await Promise.all([service.stop(), redis.stop()]);
  });

  /** Both have a connection to Redis. */
  const ready = (): Promise<unknown> =>
    eventually(async () => {
      for (const { url } of gateways) {
        const { dependencies } = (await (await fetch(`${url}/status`)).json()) as {
          dependencies: { redis: { status: string } };
        };
        assert.equal(dependencies.redis.status, 'up');
      }
    });
  const get = async (place: number, path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(`${gateways[place]?.url}${path}`, { headers, method });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const sent = (): number => service.requests.length;

  it('counts the requests of a key over all processes', async () => {
    const one = { 'x-api-key': KEYS.one };
    for (let n = 0; n < 5; n += 1) assert.equal((await get(n % 2, '/limited', one)).status, 200);
    for (const place of [0, 1]) {
      const refused = await get(place, '/limited', one);
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('ratelimit-limit'), '5');
      assert.ok(Number(refused.headers.get('retry-after')) > 500);
    }
    assert.equal(
      (await get(0, '/limited', { 'x-api-key': KEYS.two })).headers.get('ratelimit-remaining'),
      '4',
    );
  });

  it('counts by the address that a trusted proxy tells', async () => {
    const from = (address: string) => get(0, '/by-address', { 'x-forwarded-for': address });
    for (let n = 0; n < 3; n += 1) assert.equal((await from('203.0.113.7')).status, 200);
    assert.equal((await from('203.0.113.7')).status, 429);
    assert.equal((await from('203.0.113.8')).status, 200);
  });

  it('keeps an answer as long as Cache-Control says, for all processes', async () => {
    service.handler = answer(200, { 'cache-control': 'max-age=600' });
    const sentBefore = sent();
    const first = await get(0, '/cached/a');
    await eventually(async () => assert.notEqual((await get(1, '/cached/a')).headers.get('age'), null));
    const asked = sent() - sentBefore;
    assert.equal((await get(0, '/cached/a')).body, first.body);
    assert.equal(sent() - sentBefore, asked);
    await get(0, '/cached/a?other=1');
    assert.equal(sent() - sentBefore, asked + 1);
  });

  it('asks whether an old answer still holds', async () => {
    service.handler = (request, response) => {
      const etag = '"v1"';
      const headers = { etag, 'cache-control': 'max-age=0, must-revalidate' };
      if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
      else answer(200, headers)(request, response);
    };
    const first = await get(0, '/cached/etag');
    // It is kept a moment after it was sent.
    await eventually(async () => {
      service.requests.length = 0;
      const again = await get(1, '/cached/etag');
      assert.equal(again.status, 200);
      assert.equal(again.body, first.body);
    });
  });

  it("never keeps what is private, or one client's for another", async () => {
    for (const control of ['no-store', 'private, max-age=600', '']) {
      service.handler = answer(200, control === '' ? {} : { 'cache-control': control });
      const sentBefore = sent();
      for (let n = 0; n < 3; n += 1) await get(0, `/cached/private-${control.length}`);
      assert.equal(sent() - sentBefore, 3, control);
    }
    service.handler = answer(200, { 'cache-control': 'max-age=600' });
    const sentBefore = sent();
    for (let n = 0; n < 3; n += 1) await get(0, '/personal', { 'x-api-key': KEYS.one });
    assert.equal(sent() - sentBefore, 3);
  });

  it('keeps variants apart, as Vary says', async () => {
    service.handler = (request, response) =>
      answer(200, {
        'cache-control': 'max-age=600',
        vary: 'accept-language',
        'x-language': String(request.headers['accept-language']),
      })(request, response);
    for (const language of ['nl', 'de', 'nl'])
      assert.equal(
        (await get(0, '/cached/vary', { 'accept-language': language })).headers.get('x-language'),
        language,
      );
  });

  it('forgets an answer when its path is changed', async () => {
    service.handler = answer(200, { 'cache-control': 'max-age=600' });
    await get(0, '/cached/changed');
    await eventually(async () => assert.notEqual((await get(0, '/cached/changed')).headers.get('age'), null));
    await get(0, '/cached/changed', {}, 'PUT');
    const sentBefore = sent();
    await get(1, '/cached/changed');
    assert.equal(sent(), sentBefore + 1);
  });

  it('shows an old answer while the service is in trouble, if the answer allowed it', async () => {
    service.handler = answer(200, { 'cache-control': 'max-age=0, stale-if-error=600' });
    await get(0, '/cached/stale');
    service.handler = answer(500);
    await eventually(async () => assert.equal((await get(0, '/cached/stale')).status, 200));
  });

  it('goes on without Redis: each process counts alone, nothing is cached', async () => {
    await redis.kill();
    service.handler = answer(200, { 'cache-control': 'max-age=600' });
    const sentBefore = sent();
    for (let n = 0; n < 3; n += 1) assert.equal((await get(0, '/cached/down')).status, 200);
    assert.equal(sent() - sentBefore, 3);
    const from = () => get(1, '/by-address', { 'x-forwarded-for': '203.0.113.20' });
    for (let n = 0; n < 3; n += 1) assert.equal((await from()).status, 200);
    assert.equal((await from()).status, 429);
    await redis.restart();
    await ready();
  });
});
