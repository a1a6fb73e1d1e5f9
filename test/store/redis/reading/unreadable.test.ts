import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import type { Redis } from 'ioredis';

import { redisKeys } from '../../../../src/store/redis/scripts/keys.js';
import {
  add,
  added,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  upDownCounter,
  valuesOf,
} from '../../../contract/bed.js';
import { startRedis } from '../../../helpers/redis.js';
import { RedisProject } from '../project.js';

const orders = counter('orders');
const duration = histogram('duration', [1]);
const other = counter('other');
const paid = series({ status: 'paid' });
const open = series({ status: 'open' });
const sent = {
  deltas: [
    added(orders, add(paid, 3), add(open, 2)),
    added(duration, add(series(), 0.5, 1, 0)),
    added(other, add(series(), 4)),
  ],
  current: [
    reported(upDownCounter('active'), now(series(), 5)),
    reported(gauge('job', 'keep'), now(series(), 6)),
  ],
};
const ALL = {
  orders: { 'status=paid': [3], 'status=open': [2] },
  duration: { '': [0.5, 1, 0] },
  other: { '': [4] },
  active: { '': [5] },
  job: { '': [6] },
};
const keys = redisKeys('shop');
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(ALL).filter(([name]) => !names.includes(name)));
const onlyPaid = { ...ALL, orders: { 'status=paid': [3] } };
const packed = (...numbers: readonly number[]) => Buffer.from(Float64Array.from(numbers).buffer);
const long = Date.now() + 1e9;

interface Case {
  readonly plant: (client: Redis) => Promise<unknown>;
  readonly shown: object;
  /** What the one warning names; none: the entry is nobody's. */
  readonly named?: RegExp;
}

const field = (key: string, name: string, value: string | Buffer) => (client: Redis) =>
  client.hset(key, name, value);
const anotherInstance = (resource: string) => async (client: Redis) => {
  await client.zadd(keys.instances, long, 'else');
  await client.hset(keys.instance('else'), 'position', '1', 'leaseMs', '1000000000', 'resource', resource);
};

/** Something that another program wrote, or that a damaged restore left. */
const CASES: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    [
      'garbage',
      'null',
      '[]',
      '{"name":5}',
      `{"createdMs":1,"name":"x","type":"tally","unit":"","help":""}`,
    ].map((text) => [
      `a descriptor that is ${text}`,
      { plant: field(keys.families, 'x~1', text), shown: ALL, named: /"x~1".*:families/ },
    ]),
  ),
  'a histogram without boundaries': {
    plant: field(keys.families, 'x~1', '{"createdMs":1,"name":"x","type":"histogram","unit":"","help":""}'),
    shown: ALL,
    named: /"x~1".*:families/,
  },
  'a descriptor of ours that was overwritten': {
    plant: field(keys.families, duration.key, 'garbage'),
    shown: without('duration'),
    named: /"duration~.*:families/,
  },
  ...Object.fromEntries(
    [
      'garbage',
      'null',
      '{}',
      '[1,null,null,[],[]]',
      '["a",null,null,[],[["a"]]]',
      '["a",null,null,[],5]',
    ].map((text) => [
      `labels that are ${text}`,
      {
        plant: field(keys.labels(orders.key), open.id, text),
        shown: onlyPaid,
        named: /The entry .*:labels:orders~/,
      },
    ]),
  ),
  'labels that belong to no value': { plant: field(keys.labels(orders.key), 'nobody', '[]'), shown: ALL },
  'a value without labels': {
    plant: field(keys.values(orders.key), 'nobody', packed(long, 1, 1)),
    shown: ALL,
  },
  'a value that is too short': {
    plant: field(keys.values(orders.key), open.id, 'short'),
    shown: onlyPaid,
    named: /The entry .*:values:orders~/,
  },
  'a value that ends within a number': {
    plant: field(keys.values(orders.key), open.id, Buffer.alloc(27)),
    shown: onlyPaid,
    named: /The entry .*:values:orders~/,
  },
  'a value with too many numbers': {
    plant: field(keys.values(duration.key), series().id, packed(long, 1, 1, 1, 1, 1)),
    shown: without('duration'),
    named: /The entry .*:values:duration~/,
  },
  'a resource of another instance that is garbage': {
    plant: anotherInstance('garbage'),
    shown: ALL,
    named: /"resource".*:instance:else/,
  },
  'a resource of another instance that is {}': {
    plant: anotherInstance('{}'),
    shown: ALL,
    named: /"resource".*:instance:else/,
  },
  'an instance that reports garbage': {
    plant: async (client) => {
      await anotherInstance('[]')(client);
      await client.hset(keys.instance('else'), `${orders.key}/${paid.id}`, 'x');
    },
    shown: ALL,
    named: /The entry .*:instance:else/,
  },
  'values that are no hash': {
    plant: (client) => client.set(keys.values(duration.key), 'x'),
    shown: without('duration'),
    named: /key .*:values:duration~\S+ is of another type/,
  },
  'labels that are no hash': {
    plant: (client) => client.set(keys.labels(duration.key), 'x'),
    shown: without('duration'),
    named: /key .*:labels:duration~\S+ is of another type/,
  },
  'an instance that is no hash': {
    plant: async (client) => {
      await client.zadd(keys.instances, long, 'else');
      await client.set(keys.instance('else'), 'x');
    },
    shown: ALL,
    named: /key .*:instance:else is of another type/,
  },
};

describe('one entry that cannot be read costs itself, and is said once:', () => {
  const server = startRedis({ after });

  for (const [name, { plant, shown, named }] of Object.entries(CASES)) {
    test(name, async () => {
      const redis = await server;
      await redis.client().flushall();
      await new RedisProject({ after }, redis.port).instance().send(sent);
      const project = new RedisProject({ after }, redis.port);
      const reader = project.instance();
      // Before and after it has labels and descriptors in memory.
      await plant(redis.client());
      for (let scrape = 0; scrape < 2; scrape += 1)
        assert.deepEqual(valuesOf(await reader.store.snapshot()), shown);
      const { codes, messages } = project.told;
      const code = named?.source.startsWith('key')
        ? 'ORCHESTRATOR_KEY_UNREADABLE'
        : 'ORCHESTRATOR_ENTRY_UNREADABLE';
      assert.deepEqual(codes, named === undefined ? [] : [code]);
      if (named !== undefined) assert.match(messages[0] ?? '', named);
      await reader.store.sweep();
    });
  }

  test('what is written beside it goes on, and a broken series begins anew', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const writer = new RedisProject({ after }, redis.port).instance();
    await writer.send(sent);
    await client.hset(keys.values(orders.key), open.id, 'short');
    await client.hset(keys.labels(orders.key), 'nobody', 'x');
    await client.hset(keys.values(duration.key), series().id, packed(1, 2, 3));
    await writer.send(sent);
    assert.deepEqual(valuesOf(await writer.store.snapshot()), {
      ...ALL,
      orders: { 'status=paid': [6], 'status=open': [2] },
      other: { '': [8] },
    });
  });

  test('a key of the whole project that is of another type is replaced with the next flush, and totals go on', async () => {
    const redis = await server;
    const client = redis.client();
    for (const key of [keys.project, keys.families, keys.instances, keys.instance('writer')]) {
      await client.flushall();
      const project = new RedisProject({ after }, redis.port);
      const writer = project.instance({ lease: 'writer' });
      await writer.send(sent);
      await client.del(key);
      await client.lpush(key, 'x');
      const { store } = project.instance();
      await store.snapshot();
      assert.deepEqual(project.told.codes, ['ORCHESTRATOR_KEY_UNREADABLE']);
      assert.match(
        project.told.messages[0] ?? '',
        new RegExp(`${key.replace(/[{}]/g, '.')} is of another type`),
      );
      assert.equal(store.unreadable, 1);
      await writer.send(sent);
      const twice = {
        orders: { 'status=paid': [6], 'status=open': [4] },
        other: { '': [8] },
        duration: { '': [1, 2, 0] },
      };
      assert.deepEqual(valuesOf(await store.snapshot()), { ...ALL, ...twice }, key);
    }
  });
});
