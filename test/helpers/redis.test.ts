import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Cluster, Redis } from 'ioredis';

import { eventually } from './eventually.js';
import { startRedis, startRedisCluster, startRedisSentinel, type RedisServerOptions } from './redis.js';

const kinds: Record<string, RedisServerOptions> = {
  plain: {},
  'with a password': { password: 'p@ss/word' },
  'at a unix socket': { unixSocket: true },
  'with TLS': { tls: true },
  'with TLS and client certificates': { tls: 'mutual' },
};

for (const [kind, options] of Object.entries(kinds)) {
  test(`a server ${kind} answers, and forgets or keeps its data`, async (t) => {
    const server = await startRedis(t, { ...options, persistent: true });
    await server.client().set('a', '1');
    await server.stop('SIGKILL');
    await server.start();
    assert.equal(await server.client().get('a'), '1');
    await server.stop();
    await server.start('empty');
    assert.deepEqual(await server.keys(), []);
  });
}

test('the URL of a server is what a client needs', async (t) => {
  const server = await startRedis(t, { tls: true, password: 'p@ss/word' });
  const client = new Redis(server.url, { tls: { ca: readFileSync(server.certificates.ca) } });
  t.after(() => client.disconnect());
  assert.equal(await client.ping(), 'PONG');
});

test('a user sees only what the ACL allows', async (t) => {
  const server = await startRedis(t, { users: ['shop on >secret ~shop:* +@all'] });
  const client = new Redis(server.urlFor('shop', 'secret'));
  t.after(() => client.disconnect());
  await client.set('shop:a', '1');
  await assert.rejects(client.set('other', '1'), /NOPERM/);
});

test('a paused server hangs, and answers when it continues', async (t) => {
  const server = await startRedis(t);
  const client = server.client();
  server.pause();
  const answer = client.ping();
  assert.equal(
    await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'nothing'))]),
    'nothing',
  );
  server.resume();
  assert.equal(await answer, 'PONG');
});

test('sentinels fail over to a replica', async (t) => {
  const { master, name, addresses } = await startRedisSentinel(t);
  const sentinels = addresses
    .split(',')
    .map((address) => ({ host: '127.0.0.1', port: Number(address.split(':')[1]) }));
  const client = new Redis({ sentinels, name, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  t.after(() => client.disconnect());
  await client.set('a', '1');
  assert.equal(await client.call('WAIT', '2', '5000'), 2);
  await master.stop('SIGKILL');
  await eventually(async () => assert.equal(await client.set('b', '2'), 'OK'), { deadlineMs: 60_000 });
  assert.equal(await client.get('a'), '1');
});

test('a cluster serves all slots', async (t) => {
  const { nodes } = await startRedisCluster(t);
  const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  t.after(() => client.disconnect());
  for (const key of ['a', 'b', 'c', 'd']) await client.set(key, key);
  assert.equal(await client.get('c'), 'c');
});
