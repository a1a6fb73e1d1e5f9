import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Redis } from 'ioredis';

import { eventually } from './eventually.js';
import { startProxy, type RedisProxy } from './proxy.js';
import { startRedis } from './redis.js';

interface Bench {
  readonly proxy: RedisProxy;
  /** Through the proxy; gives up at once when its connection ends. */
  readonly client: Redis;
  readonly direct: Redis;
}

async function bench(t: Parameters<typeof startRedis>[0]): Promise<Bench> {
  const server = await startRedis(t);
  const proxy = await startProxy(t, server.port);
  const client = new Redis(proxy.url, {
    maxRetriesPerRequest: 0,
    retryStrategy: () => 20,
    enableOfflineQueue: true,
  });
  client.on('error', () => undefined);
  t.after(() => client.disconnect());
  return { proxy, client, direct: server.client() };
}

test('forwards commands and replies of any size', async (t) => {
  const { client } = await bench(t);
  const large = 'x'.repeat(3_000_000);
  await client.set('large', large);
  assert.equal(await client.get('large'), large);
  const answers = await Promise.all(Array.from({ length: 500 }, () => client.incr('n')));
  assert.equal(answers.at(-1), 500);
});

test('dropReply: the server has done it, the client does not know', async (t) => {
  const { proxy, client, direct } = await bench(t);
  proxy.decide = (command) => (command === 'incr' ? 'dropReply' : 'forward');
  await assert.rejects(client.incr('n'));
  assert.equal(await direct.get('n'), '1');
});

test('dropRequest: the server never heard of it', async (t) => {
  const { proxy, client, direct } = await bench(t);
  proxy.decide = (command) => (command === 'incr' ? 'dropRequest' : 'forward');
  await assert.rejects(client.incr('n'));
  assert.equal(await direct.get('n'), null);
});

test('blackhole: nothing comes back', async (t) => {
  const { proxy, client } = await bench(t);
  await client.ping();
  proxy.blackhole = true;
  const waited = new Promise((resolve) => setTimeout(resolve, 200, 'nothing'));
  const answer = client.ping().catch(() => 'failed');
  assert.equal(await Promise.race([answer, waited]), 'nothing');
});

test('cut and refuse: the connection ends, and heals when allowed', async (t) => {
  const { proxy, client } = await bench(t);
  await client.ping();
  proxy.refuse = true;
  proxy.cut();
  await assert.rejects(async () => {
    for (;;) await client.ping();
  });
  proxy.refuse = false;
  await eventually(async () => assert.equal(await client.ping(), 'PONG'));
});

test('latency keeps the order', async (t) => {
  const { proxy, client } = await bench(t);
  await client.ping();
  proxy.latencyMs = 20;
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.incr('n')));
  assert.deepEqual(answers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
