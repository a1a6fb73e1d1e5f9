import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startApi, type Person, type Reply, type TestApi } from './support/api.js';

let api: TestApi;
let ann: Person;
let eve: Person;

before(async () => {
  api = await startApi();
  ann = await api.rich(100);
  eve = await api.rich(1);
});
after(async () => api.service.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Every route that is not open to all, as another user would call it on Ann. */
function routesOf(id: number): ReadonlyArray<readonly [Method, string, object?]> {
  return [
    ['GET', `/api/users?id=${id}`],
    ['GET', `/api/users/${id}`],
    ['GET', '/api/users'],
    ['PUT', '/api/users', { id, email: 'eve@example.com' }],
    ['DELETE', `/api/users?id=${id}`],
    ['POST', `/api/balances/initialize?user_id=${id}`],
    ['GET', `/api/balances?user_id=${id}`],
    ['GET', `/api/balances/history?user_id=${id}`],
    ['POST', `/api/balances/replay?user_id=${id}`],
    ['POST', `/api/balances/rebuild?user_id=${id}`],
    ['POST', '/api/transactions/deposit', { user_id: id, amount: 1 }],
    ['POST', '/api/transactions/withdraw', { user_id: id, amount: 1 }],
    ['POST', '/api/transactions/transfer', { from_user_id: id, to_user_id: 1, amount: 1 }],
    ['POST', '/api/transactions/batch', { transactions: [{ sender_id: id, receiver_id: 1, amount: 1 }] }],
    ['GET', '/api/transactions/stats'],
    ['GET', '/api/cache/stats'],
    ['GET', '/api/cache/keys?pattern=*'],
    ['POST', '/api/cache/warmup'],
    ['POST', '/api/cache/invalidate', { pattern: '*' }],
  ];
}

test('no route but creation and log-in works without a key, or with a wrong one', async () => {
  const wrong = [
    undefined,
    '',
    'x',
    `pf_${ann.id}_${'a'.repeat(43)}`,
    `${ann.key}a`,
    ann.key.replace(/^pf_\d+/, `pf_${eve.id}`),
    `pf_${ann.id}_' OR 1=1 --`,
  ];
  for (const [method, url, body] of [...routesOf(ann.id), ['POST', '/api/users/api-key'] as const])
    for (const key of wrong)
      assert.equal((await api.call(method, url, key, body)).status, 401, `${method} ${url} with ${key}`);
});

test('no route of the API is missing in the list of those that are tried here', async () => {
  const { paths = {} } = api.service.app.swagger();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const tried = [...routesOf(ann.id), ['POST', '/api/users/api-key'] as const].map(
    ([method, url]) =>
      `${method} ${(url.split('?')[0] ?? '').replace(`/api/users/${ann.id}`, '/api/users/{id}')}`,
  );
  const open = ['POST /api/users', 'POST /api/login', 'GET /health', 'GET /health/live', 'GET /health/ready'];
  assert.deepEqual(new Set(operations), new Set([...tried, ...open]));
});

test('the id in a key is a hint and no claim: who it belongs to is in the database', async () => {
  const forged = eve.key.replace(/^pf_\d+/, `pf_${ann.id}`);
  assert.equal((await api.call('GET', `/api/users/${ann.id}`, forged)).status, 401);
});

test('every route refuses the key of another user, and nothing has changed', async () => {
  const events = await api.sql('SELECT * FROM events ORDER BY 1, 2');
  for (const [method, url, body] of routesOf(ann.id)) {
    const reply = await api.call(method, url, eve.key, body);
    assert.equal(reply.status, 403, `${method} ${url}: ${reply.text}`);
  }
  assert.deepEqual(await api.sql('SELECT * FROM events ORDER BY 1, 2'), events);
});

test('one foreign sender in a batch refuses all of it', async () => {
  const transactions = [
    { sender_id: eve.id, receiver_id: ann.id, amount: 0.01 },
    { sender_id: ann.id, receiver_id: eve.id, amount: 1 },
  ];
  assert.equal((await api.call('POST', '/api/transactions/batch', eve.key, { transactions })).status, 403);
  assert.equal(await api.balance(eve), 1);
});

test('whether another user exists is not told', async () => {
  const there = await api.call('GET', `/api/users/${ann.id}`, eve.key);
  const nowhere = await api.call('GET', '/api/users/987654', eve.key);
  assert.equal(there.status, nowhere.status);
  assert.equal(there.body['detail'], nowhere.body['detail']);

  const login = (username: string): Promise<Reply> =>
    api.call('POST', '/api/login', undefined, { username, password: 'a wrong password' });
  const [known, unknown] = [await login(ann.username), await login('nobody-here')];
  assert.equal(known.text, unknown.text);

  const create = (username: string, email: string): Promise<Reply> =>
    api.call('POST', '/api/users', undefined, { username, email, password: 'long enough' });
  const byName = await create(ann.username, 'free@example.com');
  const byEmail = await create('freename', `${ann.username}@example.com`);
  assert.deepEqual([byName.status, byEmail.status], [409, 409]);
  assert.equal(byName.text, byEmail.text);
});

test('texts are never part of a statement', async () => {
  const evil = `'; DROP TABLE events; --`;
  const login = await api.call('POST', '/api/login', undefined, { username: evil, password: evil });
  assert.equal(login.status, 401);
  const deposit = { user_id: eve.id, amount: 1, description: evil };
  assert.equal((await api.call('POST', '/api/transactions/deposit', eve.key, deposit)).status, 201);
  const history = await api.call<{ items: Array<{ description: string }> }>(
    'GET',
    `/api/balances/history?user_id=${eve.id}&limit=1`,
    eve.key,
  );
  assert.equal(history.body.items[0]?.description, evil);
  for (const id of [`1 OR 1=1`, `1;SELECT 1`, `1'--`, '-1', '1e3', '99999999999999999999', '0x10', '']) {
    const reply = await api.call('GET', `/api/users?id=${encodeURIComponent(id)}`, eve.key);
    assert.ok(reply.status === 400 || reply.status === 403, `${id}: ${reply.status}`);
  }
});

test('names that a request does not have are refused', async () => {
  const base = { email: 'mass@example.com', password: 'long enough' };
  for (const extra of [
    { is_admin: true },
    { version: 9 },
    { deleted_at: null },
    { password_hash: 'x' },
    { id: 1 },
  ]) {
    const reply = await api.call('POST', '/api/users', undefined, { username: 'mass', ...base, ...extra });
    assert.equal(reply.status, 400, JSON.stringify(extra));
  }
  for (const extra of [{ is_admin: true }, { version: 9 }, { deleted_at: null }, { password_hash: 'x' }]) {
    const change = { id: eve.id, email: 'mass@example.com', ...extra };
    assert.equal((await api.call('PUT', '/api/users', eve.key, change)).status, 400, JSON.stringify(extra));
  }
  const held = await api.balance(eve);
  for (const extra of [{ type: 'transfer' }, { currency: 'KWD' }, { actor_id: ann.id }, { balance: 1e6 }]) {
    const deposit = { user_id: eve.id, amount: 1, ...extra };
    const reply = await api.call('POST', '/api/transactions/deposit', eve.key, deposit);
    assert.equal(reply.status, 400, JSON.stringify(extra));
  }
  assert.equal(await api.balance(eve), held);
  const proto = `{"username":"mass","email":"m@example.com","password":"long enough","__proto__":{"role":"admin"}}`;
  assert.equal((await api.call('POST', '/api/users', undefined, proto)).status, 400);
  const twice = `{"user_id":${eve.id},"amount":1,"amount":1000}`;
  assert.equal((await api.call('POST', '/api/transactions/deposit', eve.key, twice)).status, 400);
});

test('only administrators make administrators', async () => {
  const admin = await api.admin();
  const user = { username: 'boss', email: 'boss@example.com', password: 'long enough', role: 'admin' };
  assert.equal((await api.call('POST', '/api/users', undefined, user)).status, 403);
  assert.equal((await api.call('POST', '/api/users', eve.key, user)).status, 403);
  assert.equal((await api.call('PUT', '/api/users', eve.key, { id: eve.id, role: 'admin' })).status, 403);
  assert.equal((await api.call('POST', '/api/users', 'pf_1_wrong', user)).status, 401);
  const made = await api.call('POST', '/api/users', admin.key, user);
  assert.deepEqual([made.status, made.body['role']], [201, 'admin']);
});

test('amounts that are none, or too many, are refused and move nothing', async () => {
  const balance = await api.balance(eve);
  const amounts = [
    '-1',
    '0',
    '0.00',
    '-0.01',
    '1e-7',
    '0.001',
    '100.505',
    '1e21',
    '1e400',
    '1000000.01',
    '99999999999999999999',
    '9007199254740993',
    '0.1000000000000000055',
    '"-5"',
    '"1e3"',
    '"0x10"',
    '" 5"',
    '"5 "',
    '""',
    '"NaN"',
    '"Infinity"',
    'null',
    'true',
    '[]',
    '{}',
    'NaN',
  ];
  const held = await api.balance(ann);
  const send = (type: string, body: string): Promise<Reply> =>
    api.call('POST', `/api/transactions/${type}`, eve.key, body);
  for (const amount of amounts) {
    for (const [type, who] of [
      ['deposit', `"user_id":${eve.id}`],
      ['withdraw', `"user_id":${eve.id}`],
      ['transfer', `"from_user_id":${eve.id},"to_user_id":${ann.id}`],
    ] as const) {
      const reply = await send(type, `{${who},"amount":${amount}}`);
      assert.equal(reply.status, 400, `${type} ${amount}: ${reply.status} ${reply.text}`);
    }
    // A batch is refused as a whole when it is not valid; what only the currency tells is refused item by item.
    const item = `{"sender_id":${eve.id},"receiver_id":${ann.id},"amount":${amount}}`;
    const { status, body, text } = await send('batch', `{"transactions":[${item}]}`);
    const results = (body['results'] ?? []) as Array<{ status: number }>;
    const refused = status === 400 || (status === 200 && results.length === 1 && results[0]?.status === 400);
    assert.ok(refused, `batch ${amount}: ${status} ${text}`);
  }
  assert.deepEqual([await api.balance(eve), await api.balance(ann)], [balance, held]);
});

test('a key is good for its own user only, whoever has used the same text', async () => {
  const headers = { 'idempotency-key': 'shared' };
  const deposit = (person: Person): Promise<Reply> =>
    api.call('POST', '/api/transactions/deposit', person.key, { user_id: person.id, amount: 1 }, headers);
  const [one, other] = [await deposit(ann), await deposit(eve)];
  assert.notEqual(one.text, other.text);
  assert.equal(other.headers['idempotency-replayed'], undefined);
});

test('the ledger is append-only and balanced, whoever writes to it', async () => {
  await assert.rejects(api.sql('UPDATE events SET amount = 1'), /append-only/);
  await assert.rejects(api.sql('DELETE FROM events'), /append-only/);
  await assert.rejects(api.sql('TRUNCATE events CASCADE'), /append-only/);
  await assert.rejects(
    api.sql(
      "INSERT INTO events (account_id, version, type, amount) SELECT min(id), 99, 'gift', 100 FROM accounts",
    ),
    /needs a transaction/,
  );
  await assert.rejects(
    api.sql(
      `INSERT INTO events (account_id, version, type, amount, transaction_id)
       SELECT (SELECT min(id) FROM accounts), 99, 'gift', 100, min(id::text)::uuid FROM transactions`,
    ),
    /do not sum to 0/,
  );
});

test('bodies that are no JSON, too deep, too large or of another type are refused with a problem', async () => {
  const send = (body: string, headers?: Record<string, string>): Promise<Reply> =>
    api.call('POST', '/api/login', undefined, body, headers);
  assert.equal((await send('{')).status, 400);
  assert.equal((await send('['.repeat(100_000))).status, 400);
  assert.equal((await send(`"${'x'.repeat(600_000)}"`)).status, 413);
  assert.equal((await send('<a/>', { 'content-type': 'text/xml' })).status, 415);
  const unknown = await api.call('GET', '/api/nothing');
  assert.deepEqual([unknown.status, unknown.body['type']], [404, 'urn:payflow:problem:not-found']);
});
