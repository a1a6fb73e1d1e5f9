import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Redis } from 'ioredis';

import { PASSWORD, startApi, type Person, type Reply, type TestApi } from './support/api.js';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(async () => api.service.close());

describe('users', () => {
  test('are created, read at both addresses, changed and deleted', async () => {
    const admin = await api.admin();
    const ann = await api.person();
    const one = await api.call('GET', `/api/users?id=${ann.id}`, ann.key);
    const two = await api.call('GET', `/api/users/${ann.id}`, ann.key);
    assert.equal(one.status, 200, one.text);
    assert.equal(one.text, two.text);
    assert.equal(one.body['username'], ann.username);
    assert.ok(!one.text.includes('password') && !one.text.includes('scrypt'), one.text);

    const changed = await api.call('PUT', '/api/users', ann.key, { id: ann.id, email: 'new@example.com' });
    assert.equal(changed.status, 200, changed.text);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, ann.key)).body['email'], 'new@example.com');

    assert.equal((await api.call('DELETE', `/api/users?id=${ann.id}`, ann.key)).status, 204);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, ann.key)).status, 401);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, admin.key)).status, 404);
    assert.equal((await api.call('DELETE', `/api/users?id=${ann.id}`, admin.key)).status, 404);
  });

  test('have an ETag, by which a read is saved and an update is refused', async () => {
    const ann = await api.person();
    const first = await api.call('GET', `/api/users/${ann.id}`, ann.key);
    const etag = String(first.headers['etag']);
    const again = await api.call('GET', `/api/users/${ann.id}`, ann.key, undefined, {
      'if-none-match': etag,
    });
    assert.deepEqual([again.status, again.text], [304, '']);
    const change = { id: ann.id, email: 'etag@example.com' };
    assert.equal((await api.call('PUT', '/api/users', ann.key, change, { 'if-match': etag })).status, 200);
    const late = { id: ann.id, email: 'late@example.com' };
    assert.equal((await api.call('PUT', '/api/users', ann.key, late, { 'if-match': etag })).status, 412);
  });

  test('are listed for administrators, page by page', async () => {
    const admin = await api.admin();
    await api.person();
    await api.person();
    const page = await api.call<{ items: Array<{ id: number }> }>('GET', '/api/users?limit=2', admin.key);
    assert.equal(page.body.items.length, 2);
    const next = /<([^>]+)>; rel="next"/.exec(String(page.headers['link']))?.[1] ?? '';
    const second = await api.call<{ items: Array<{ id: number }> }>('GET', next, admin.key);
    assert.ok((second.body.items[0]?.id ?? 0) > (page.body.items[1]?.id ?? 0));
  });

  test('with money are not deleted', async () => {
    const ann = await api.rich(1);
    assert.equal((await api.call('DELETE', `/api/users?id=${ann.id}`, ann.key)).status, 409);
  });

  test('renew their API key, and the old one is of no more use', async () => {
    const ann = await api.person();
    const renewed = await api.call<{ api_key: string }>('POST', '/api/users/api-key', ann.key);
    assert.equal(renewed.status, 200, renewed.text);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, ann.key)).status, 401);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, renewed.body.api_key)).status, 200);
  });

  test('who change their password lose their keys', async () => {
    const ann = await api.person();
    const change = { id: ann.id, password: 'another password' };
    assert.equal((await api.call('PUT', '/api/users', ann.key, change)).status, 200);
    assert.equal((await api.call('GET', `/api/users/${ann.id}`, ann.key)).status, 401);
    const login = (password: string): Promise<{ status: number }> =>
      api.call('POST', '/api/login', undefined, { username: ann.username, password });
    assert.equal((await login(PASSWORD)).status, 401);
    assert.equal((await login('another password')).status, 200);
  });
});

describe('balances', () => {
  test('are initialized once', async () => {
    const ann = await api.rich(undefined);
    const url = `/api/balances/initialize?user_id=${ann.id}`;
    assert.equal((await api.call('POST', url, ann.key)).status, 409);
    const balance = await api.call('GET', `/api/balances?user_id=${ann.id}`, ann.key);
    assert.deepEqual([balance.body['balance'], balance.body['currency']], [0, 'EUR']);
    assert.equal(balance.headers['etag'], '"1"');
  });

  test('have a history with the balance after each event', async () => {
    const ann = await api.rich(10);
    await api.call('POST', '/api/transactions/withdraw', ann.key, {
      user_id: ann.id,
      amount: 2.5,
      description: 'cash',
    });
    const url = `/api/balances/history?user_id=${ann.id}&limit=2&offset=0`;
    const history = await api.call<{ items: Array<Record<string, unknown>>; total: number }>(
      'GET',
      url,
      ann.key,
    );
    assert.equal(history.body.total, 3);
    assert.deepEqual(
      history.body.items.map(({ type, amount, balance, description }) => [
        type,
        amount,
        balance,
        description,
      ]),
      [
        ['withdrawn', -2.5, 7.5, 'cash'],
        ['deposited', 10, 10, null],
      ],
    );
    const rest = await api.call<{ items: unknown[] }>('GET', url.replace('offset=0', 'offset=2'), ann.key);
    assert.equal(rest.body.items.length, 1);
  });

  test('are replayed and rebuilt to the same numbers, also after the projection was damaged', async () => {
    const ann = await api.rich(100);
    for (let n = 1; n <= 5; n++)
      await api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: n });
    const replay = await api.call('POST', `/api/balances/replay?user_id=${ann.id}`, ann.key);
    assert.deepEqual(
      [replay.body['balance'], replay.body['consistent'], replay.body['events']],
      [85, true, 7],
    );
    await api.sql(
      `UPDATE balances SET balance = 1, version = 3 FROM accounts WHERE id = account_id AND user_id = ${ann.id} AND accounts.kind = 'wallet'`,
    );
    const admin = await api.admin();
    const damaged = await api.service.services.database.reader.read('test', 'primary', async (client) =>
      (await import('../src/ledger/replay.js')).replayAccounts(client, ann.id),
    );
    assert.ok(damaged.some(({ fromStart, projection }) => fromStart.balance !== projection?.balance));
    const rebuilt = await api.call('POST', `/api/balances/rebuild?user_id=${ann.id}`, admin.key);
    assert.deepEqual([rebuilt.body['balance'], rebuilt.body['consistent']], [85, true]);
    assert.equal(await api.balance(ann), 85);
  });
});

describe('transactions', () => {
  const deposit = (person: Person, amount: unknown, headers?: Record<string, string>): Promise<Reply> =>
    api.call('POST', '/api/transactions/deposit', person.key, { user_id: person.id, amount }, headers);

  test('deposit, transfer, withdraw, and what they leave', async () => {
    const ann = await api.rich(100.5);
    const bob = await api.rich(undefined);
    const transfer = await api.call('POST', '/api/transactions/transfer', ann.key, {
      from_user_id: ann.id,
      to_user_id: bob.id,
      amount: 40.25,
      description: 'rent',
    });
    assert.equal(transfer.status, 201, transfer.text);
    assert.equal(await api.balance(ann), 60.25);
    assert.equal(await api.balance(bob), 40.25);
    const withdraw = { user_id: bob.id, amount: 40.26 };
    const refused = await api.call('POST', '/api/transactions/withdraw', bob.key, withdraw);
    assert.equal(refused.status, 422);
    assert.equal(refused.body['type'], 'urn:payflow:problem:insufficient-funds');
    assert.match(String(refused.headers['content-type']), /^application\/problem\+json/);
    assert.equal(await api.balance(bob), 40.25);
  });

  test('are exact: fifteen times 0.1 and fifteen times 0.20 are 4.5', async () => {
    const ann = await api.rich(undefined);
    for (let n = 0; n < 30; n++) assert.equal((await deposit(ann, n % 2 === 0 ? 0.1 : '0.20')).status, 201);
    assert.equal(await api.balance(ann), 4.5);
  });

  test('with one Idempotency-Key are done once, also at the same moment', async () => {
    const ann = await api.rich(undefined);
    const headers = { 'idempotency-key': 'k-1' };
    const replies = await Promise.all(Array.from({ length: 8 }, () => deposit(ann, 7, headers)));
    assert.equal(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size, 1);
    assert.equal(replies.filter((reply) => reply.headers['idempotency-replayed'] === 'true').length, 7);
    assert.equal(await api.balance(ann), 7);
    assert.equal((await deposit(ann, 8, headers)).status, 422);
    assert.equal(await api.balance(ann), 7);
  });

  test('that were refused are refused again under their key, whatever the balance is by then', async () => {
    const ann = await api.rich(undefined);
    const headers = { 'idempotency-key': 'poor' };
    const withdraw = (): Promise<Reply> =>
      api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 5 }, headers);
    const first = await withdraw();
    await deposit(ann, 10);
    assert.equal((await withdraw()).text, first.text);
    assert.equal(await api.balance(ann), 10);
  });

  test('of a batch stand each for itself, and are done once under the key of the batch', async () => {
    const ann = await api.rich(10);
    const bob = await api.rich(undefined);
    const item = (amount: number): object => ({ sender_id: ann.id, receiver_id: bob.id, amount });
    const body = { transactions: [item(3), item(100), item(4)] };
    const send = async (): Promise<Reply> =>
      api.call('POST', '/api/transactions/batch', ann.key, body, { 'idempotency-key': 'b' });
    const first = await send();
    assert.equal(first.status, 200, first.text);
    assert.deepEqual([first.body['completed'], first.body['failed']], [2, 1]);
    const results = first.body['results'] as Array<{ status: number }>;
    assert.deepEqual(
      results.map(({ status }) => status),
      [201, 422, 201],
    );
    assert.equal((await send()).text, first.text);
    assert.equal(await api.balance(ann), 3);
  });

  test('are counted for administrators', async () => {
    const admin = await api.admin();
    await api.rich(12.5);
    const stats = await api.call<{ items: Array<{ type: string; status: string; count: number }> }>(
      'GET',
      '/api/transactions/stats?hours=1',
      admin.key,
    );
    assert.ok(
      stats.body.items.some(
        ({ type, status, count }) => type === 'deposit' && status === 'completed' && count > 0,
      ),
    );
  });

  test('do not exchange currencies, and know the digits of each', async () => {
    const ann = await api.rich(10);
    const yen = await api.rich(undefined, 'JPY');
    const transfer = { from_user_id: ann.id, to_user_id: yen.id, amount: 1 };
    const refused = await api.call('POST', '/api/transactions/transfer', ann.key, transfer);
    assert.equal(refused.body['type'], 'urn:payflow:problem:currency-mismatch');
    assert.equal((await deposit(yen, 1.5)).status, 400);
    assert.equal((await deposit(yen, 150)).status, 201);
  });
});

describe('the cache', () => {
  test('is warmed up, listed by pattern, counted and invalidated', async () => {
    const admin = await api.admin();
    const ann = await api.person();
    assert.equal((await api.call('POST', '/api/cache/invalidate', admin.key, { pattern: '*' })).status, 200);
    const one = await api.call('POST', '/api/cache/warmup', admin.key, { type: 'user', user_id: ann.id });
    assert.deepEqual([one.status, one.body['warmed']], [200, 1]);
    const keys = await api.call<{ keys: string[] }>('GET', '/api/cache/keys?pattern=user:*', admin.key);
    assert.deepEqual(keys.body.keys, [`user:${ann.id}`]);
    const all = await api.call<{ warmed: number }>('POST', '/api/cache/warmup', admin.key);
    assert.ok(all.body.warmed > 1, all.text);
    const hits = async (): Promise<number> =>
      (await api.call<{ hits: number }>('GET', '/api/cache/stats', admin.key)).body.hits;
    const start = await hits();
    await api.call('GET', `/api/users/${ann.id}`, ann.key);
    assert.equal((await hits()) - start, 1);
    const gone = await api.call('POST', '/api/cache/invalidate', admin.key, { user_id: ann.id });
    assert.equal(gone.body['deleted'], 1);
  });

  test('gives way to a database when it does not have a user, and has the user then', async () => {
    const ann = await api.person();
    const { cache } = api.service.services;
    await cache.invalidate(`user:${ann.id}`);
    assert.equal(await cache.get('user', ann.id), undefined);
    const read = await api.call('GET', `/api/users/${ann.id}`, ann.key);
    assert.deepEqual([read.status, read.body['username']], [200, ann.username]);
    assert.equal((await cache.get<{ username: string }>('user', ann.id))?.username, ann.username);
  });

  test('does not put back what an update has replaced', async () => {
    const { cache } = api.service.services;
    await cache.put('user', 999_999, 2, { name: 'new' });
    await cache.put('user', 999_999, 1, { name: 'old' });
    assert.deepEqual(await cache.get('user', 999_999), { name: 'new' });
  });
});

test('who was seen longer than five minutes ago is not an active user', async () => {
  const { activeUsers } = api.service.services;
  const redis = new Redis({ host: '127.0.0.1', port: Number(api.env['REDIS_PORT']) });
  try {
    const key = `${api.env['REDIS_KEY_PREFIX']}active-users`;
    const minutesAgo = (minutes: number): number => Date.now() - minutes * 60_000;
    await redis.del(key);
    await redis.zadd(key, minutesAgo(5.1), 'old', minutesAgo(4), 'recent', minutesAgo(0), 'now');
    await activeUsers.refresh();
    assert.equal(activeUsers.count, 2);
  } finally {
    redis.disconnect();
  }
});

test('health says what works, and says it to everybody', async () => {
  const health = await api.call<{ status: string; services: Record<string, Record<string, unknown>> }>(
    'GET',
    '/health',
  );
  assert.equal(health.status, 200);
  for (const name of ['connection_manager', 'load_balancer', 'fallback_manager'])
    assert.equal(typeof health.body.services[name], 'object', name);
  assert.equal(health.body.services['connection_manager']?.['primary'], 'database-1');
  assert.deepEqual(health.body.services['circuit_breakers'], { redis: 'closed', 'fraud-check': 'closed' });
  assert.equal((await api.call('GET', '/health/live')).status, 200);
  assert.equal((await api.call('GET', '/health/ready')).status, 200);
});

test('the OpenAPI description says what every operation answers, and what it answers when something is wrong', async () => {
  interface Answer {
    readonly content?: Readonly<Record<string, { readonly schema?: Readonly<Record<string, unknown>> }>>;
  }
  type Operation = Readonly<Record<'responses', Readonly<Record<string, Answer>>>>;
  const { body } = await api.call<{ paths: Record<string, Record<string, Operation>> }>(
    'GET',
    '/openapi.json',
  );
  const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => [`${method} ${path}`, responses] as const),
  );
  assert.ok(operations.length > 20);
  for (const [name, responses] of operations) {
    const status = Object.keys(responses).find((key) => /^2\d\d$/.test(key)) ?? '';
    assert.notEqual(status, '', name);
    if (status !== '204') {
      const { properties, anyOf } = responses[status]?.content?.['application/json']?.schema ?? {};
      assert.ok(Object.keys(properties ?? anyOf ?? {}).length > 0, `${name} ${status}`);
    }
    for (const wrong of ['4XX', '5XX']) {
      const { properties } = responses[wrong]?.content?.['application/problem+json']?.schema ?? {};
      assert.ok(Object.keys(properties ?? {}).includes('detail'), `${name} ${wrong}`);
    }
  }
});

test('the OpenAPI description has every path of the API', async () => {
  const { body } = await api.call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/openapi.json');
  const operations = new Set(
    Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    ),
  );
  for (const operation of [
    'post /api/users',
    'get /api/users',
    'get /api/users/{id}',
    'put /api/users',
    'delete /api/users',
    'post /api/login',
    'post /api/users/api-key',
    'post /api/balances/initialize',
    'get /api/balances',
    'get /api/balances/history',
    'post /api/balances/replay',
    'post /api/balances/rebuild',
    'post /api/transactions/deposit',
    'post /api/transactions/withdraw',
    'post /api/transactions/transfer',
    'post /api/transactions/batch',
    'get /api/transactions/stats',
    'get /api/cache/stats',
    'post /api/cache/warmup',
    'get /api/cache/keys',
    'post /api/cache/invalidate',
    'get /health',
  ])
    assert.ok(operations.has(operation), operation);
});
