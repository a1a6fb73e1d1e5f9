import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Redis } from 'ioredis';

import { unpackExponential, exponentialCount } from '../../../src/model/exponential-histogram.js';
import { familyKey, type Family } from '../../../src/model/family.js';
import { makeSeries } from '../../../src/model/series.js';
import type { Snapshot } from '../../../src/model/snapshot.js';
import { startRedis } from '../../helpers/redis.js';
import { PACKAGE_ROOT } from '../../helpers/scratch.js';
import { add, added, now, reported, textOf } from '../../contract/bed.js';
import { RedisProject } from './project.js';

/**
 * What two processes of version 0.1.0 wrote to Redis 7, key by key; bytes that are no text in base64. Both were killed. Of
 * their metrics only the application's own are kept here.
 */
const FIXTURE = join(PACKAGE_ROOT, 'test/fixtures/store/redis-0.1.0.json');

interface StoredKey {
  readonly string?: string;
  readonly zset?: Readonly<Record<string, number>>;
  readonly hash?: Readonly<Record<string, string | { readonly base64: string }>>;
}

/** The fixture is older than any time to live; the instances count as alive for a minute from now. */
const FOREVER_MS = 100 * 365 * 86_400_000;

async function restore(client: Redis): Promise<string[]> {
  const { keys }: { keys: Record<string, StoredKey> } = JSON.parse(readFileSync(FIXTURE, 'utf8'));
  const leases: string[] = [];
  for (const [key, { string, zset, hash }] of Object.entries(keys)) {
    if (string !== undefined) await client.set(key, string);
    for (const lease of Object.keys(zset ?? {})) {
      leases.push(lease);
      await client.zadd(key, Date.now() + 60_000, lease);
    }
    for (const [field, value] of Object.entries(hash ?? {}))
      await client.hset(key, field, typeof value === 'string' ? value : Buffer.from(value.base64, 'base64'));
  }
  return leases;
}

const family = (parts: Omit<Family, 'key' | 'help'>): Family => ({
  ...parts,
  help: '',
  key: familyKey(parts),
});
const scope = { name: 'shop', version: '1.2.0' };
const of = (attributes: Array<[string, string]>) => makeSeries(scope, attributes);

const orders = {
  ...family({ name: 'shop.orders', type: 'counter', unit: '{order}' }),
  help: 'Orders "placed"',
};
const duration = family({
  name: 'shop.checkout.duration',
  type: 'histogram',
  unit: 's',
  boundaries: [0.1, 0.5, 1],
});
const cart = family({ name: 'shop.cart.value', type: 'exponentialhistogram', unit: 'EUR' });
const carts = family({ name: 'shop.carts', type: 'updowncounter', unit: '', aggregation: 'sum' });
const lastRun = family({ name: 'job.last_run', type: 'gauge', unit: '', aggregation: 'keep' });

const PAID: Array<[string, string]> = [
  ['country', 'Österreich'],
  ['status', 'paid'],
];

function shown({ families }: Snapshot): Record<string, Record<string, number[]>> {
  return Object.fromEntries(
    families.map(({ family: { name, type }, series }) => [
      name,
      Object.fromEntries(
        series.map((one) => {
          const values = Array.from(one.values);
          const histogram = unpackExponential(values);
          return [
            textOf(one.series),
            type === 'exponentialhistogram' ? [exponentialCount(histogram), histogram.zeroCount] : values,
          ];
        }),
      ),
    ]),
  );
}

const OF_BOTH = {
  'shop.orders': {
    'country=Österreich,status=paid': [6],
    '': [2],
    'note=a "quoted"\\ line\nbreak,status=open': [4],
  },
  'shop.checkout.duration': { 'method=card': [10.7, 2, 4, 2, 2] },
  'shop.cart.value': { '': [10, 2] },
  'shop.carts': { 'region=eu': [14] },
  'shop.stock': {
    'service.instance.id=one,sku=a1': [12],
    'service.instance.id=two,sku=a1': [12],
  },
  'shop.load': { '': [0.5] },
  'job.last_run': { '': [1_700_000_000] },
};

test('what version 0.1.0 wrote is read, and added to', async (t) => {
  const redis = await startRedis(t);
  await restore(redis.client());
  const project = { prefix: 'shop_front', project: 'Shop.Front', ttlMs: FOREVER_MS };
  const instance = new RedisProject(t, redis.port).instance(project);
  const before = await instance.store.snapshot();
  assert.deepEqual(shown(before), OF_BOTH);
  assert.equal(before.instances, 2);

  await instance.send({
    deltas: [
      added(orders, add(of(PAID), 10)),
      added(duration, add(of([['method', 'card']]), 2, 0, 0, 0, 1)),
      added(cart, add(of([]), 20, 0, 3, 0, 0, 0, 0)),
    ],
    current: [reported(carts, now(of([['region', 'eu']]), 1)), reported(lastRun, now(of([]), 1_800_000_000))],
  });
  const after = await instance.store.snapshot();
  assert.deepEqual(shown(after), {
    ...OF_BOTH,
    'shop.orders': { ...OF_BOTH['shop.orders'], 'country=Österreich,status=paid': [16] },
    'shop.checkout.duration': { 'method=card': [12.7, 2, 4, 2, 3] },
    'shop.cart.value': { '': [13, 5] },
    'shop.carts': { 'region=eu': [15] },
    'job.last_run': { '': [1_800_000_000] },
  });
  assert.equal(after.instances, 3);
  // Version 0.1.0 had one key for a gauge's kept and other values; what is kept now is a family behind it.
  const starts = ({ families }: Snapshot) =>
    Object.fromEntries(families.map((one) => [one.family.name, one.series.map(({ startMs }) => startMs)]));
  assert.deepEqual(starts(after), starts(before));
});

test('a batch that version 0.1.0 has confirmed is not added again', async (t) => {
  const redis = await startRedis(t);
  const [lease = ''] = await restore(redis.client());
  const project = { prefix: 'shop_front', project: 'Shop.Front', ttlMs: FOREVER_MS, lease };
  const instance = new RedisProject(t, redis.port).instance(project);
  await instance.send({ deltas: [added(orders, add(of(PAID), 10))] });
  assert.deepEqual(shown(await instance.store.snapshot())['shop.orders'], OF_BOTH['shop.orders']);
});
