import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { PROJECTS_KEY, redisKeys } from '../../../src/store/redis/scripts/keys.js';
import { eventually } from '../../helpers/eventually.js';
import { startProxy } from '../../helpers/proxy.js';
import { startRedis } from '../../helpers/redis.js';
import {
  add,
  added,
  assertValues,
  counter,
  gauge,
  now,
  reported,
  series,
  upDownCounter,
} from '../../contract/bed.js';
import { RedisProject } from './project.js';

const HOUR_MS = 3_600_000;
const keys = redisKeys('shop');
const requests = counter('requests');
const active = upDownCounter('active');
const packed = (...numbers: readonly number[]) => Buffer.from(Float64Array.from(numbers).buffer);

/** What Redis holds when its clock was set back by an hour is from the future. */
describe("after Redis' clock was set back by an hour", () => {
  const server = startRedis({ after });

  test('an instance that died before is gone, and one that lives is there', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const project = new RedisProject({ after }, redis.port);
    const [a, b] = ['a', 'b'].map((lease) => project.instance({ lease, leaseMs: 10_000 }));
    assert.ok(a !== undefined && b !== undefined);
    for (const one of [a, b])
      await one.send({
        deltas: [added(requests, add(series(), 1))],
        current: [reported(active, now(series(), 2))],
      });
    for (const lease of ['a', 'b']) await client.zincrby(keys.instances, HOUR_MS, lease);
    await a.send({
      deltas: [added(requests, add(series(), 1))],
      current: [reported(active, now(series(), 2))],
    });
    await assertValues(a, { requests: { '': [3] }, active: { '': [2] } });
    assert.equal((await a.store.snapshot()).instances, 1);
    await a.store.sweep();
    assert.deepEqual(await client.zrange(keys.instances, '0', '-1'), ['a']);
    // Its position is remembered.
    assert.deepEqual(Object.keys(await client.hgetall(keys.instance('b'))), ['position']);
  });

  test('a lock of an instance that died is free, and one that was just given is not', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const project = new RedisProject({ after }, redis.port);
    const [a, b] = [project.instance(), project.instance()];
    await client.set(keys.lock('work'), 'somebody', 'PX', HOUR_MS);
    assert.equal(await a.store.acquireLock('work', 30_000), true);
    assert.equal(await b.store.acquireLock('work', 30_000), false);
    await client.set(keys.lock('work'), 'somebody', 'PX', 30_000);
    assert.equal(await a.store.acquireLock('work', 30_000), false);
    // No lock of ours: it would last for ever.
    await client.set(keys.lock('work'), 'somebody');
    assert.equal(await a.store.acquireLock('work', 30_000), true);
  });

  test('values that are recorded now are newer than those from before', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const project = new RedisProject({ after }, redis.port);
    const [a, b] = [project.instance({ lease: 'a' }), project.instance({ lease: 'b' })];
    const last = gauge('last', 'last');
    const keep = gauge('keep', 'keep');
    const both = (value: number) => [
      reported(last, now(series(), value)),
      reported(keep, now(series(), value)),
    ];
    for (const one of [a, b]) await one.send({ current: both(1) });
    const ahead = Date.now() + HOUR_MS;
    await client.hset(keys.values(keep.key), series().id, packed(ahead, ahead, 1));
    for (const lease of ['a', 'b'])
      await client.hset(keys.instance(lease), `${last.key}/${series().id}`, packed(ahead, 1));
    await b.send({ current: both(2) });
    await assertValues(a, { last: { '': [2] }, keep: { '': [2] } });
  });
});

test('the clock of a process decides nothing', async (t) => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const client = redis.client();
  const project = new RedisProject(t, proxy.port);
  const a = project.instance();
  const one = { deltas: [added(requests, add(series(), 1))] };
  const real = Date.now;
  t.after(() => {
    Date.now = real;
  });
  await client.zadd(PROJECTS_KEY, real(), 'another');
  await a.send(one);
  proxy.decide = (command) => (/^eval/i.test(command) ? 'dropRequest' : 'forward');
  await assert.rejects(a.send(one));
  proxy.decide = () => 'forward';
  for (const shiftMs of [48 * HOUR_MS, -48 * HOUR_MS]) {
    Date.now = () => real() + shiftMs;
    await a.sendAgain();
    await a.send(one);
    await a.store.sweep();
    await eventually(async () =>
      assert.deepEqual((await client.zrange(PROJECTS_KEY, '0', '-1')).toSorted(), ['another', 'shop']),
    );
  }
  await assertValues(a, { requests: { '': [4] } });
  assert.deepEqual(project.warnings, []);
});
