import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { redisKeys } from '../../../src/store/redis/scripts/keys.js';
import { startProxy } from '../../helpers/proxy.js';
import { startRedis, type RedisServer } from '../../helpers/redis.js';
import {
  add,
  added,
  assertValues,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  valuesOf,
} from '../../contract/bed.js';
import { RedisProject, sendUntilConfirmed } from './project.js';

const KIB = 1024;
const keys = redisKeys('shop');
const requests = counter('requests');
const many = (count: number, length = 0) =>
  Array.from({ length: count }, (_, index) => series({ n: String(index).padEnd(length, 'x') }));
/** Beside what is too much, and never to be lost for it. */
const beside = {
  deltas: [added(requests, add(series(), 1))],
  current: [reported(gauge('beside', 'max'), now(series(), 1))],
};
const shownBeside = (rounds: number) => ({ requests: { '': [rounds] }, beside: { '': [1] } });

/** Numbers of keys of the scripts that were called, and names of all commands with their number of arguments. */
async function watch(redis: RedisServer) {
  const client = redis.client();
  await client.config('SET', 'slowlog-log-slower-than', '0');
  await client.config('SET', 'slowlog-max-len', '100000');
  await client.call('SLOWLOG', 'RESET');
  return async (): Promise<ReadonlyArray<readonly [command: string, ...args: string[]]>> => {
    const log = (await client.call('SLOWLOG', 'GET', '-1')) as Array<[number, number, number, string[]]>;
    return log.map(([, , , [command = '', ...args]]) => [command.toLowerCase(), ...args]);
  };
}

const scriptKeys = (commands: ReadonlyArray<readonly [string, ...string[]]>): number[] =>
  commands.filter(([command]) => command === 'evalsha').map(([, , count]) => Number(count));

describe('no message to Redis is unbounded:', () => {
  test('long labels come in parts, known or not, and in parts again when Redis has lost them', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const instance = new RedisProject(t, proxy.port).instance();
    const long = many(300, 10_000);
    const sent = {
      deltas: [...beside.deltas, added(counter('long'), ...long.map((one) => add(one, 1)))],
      current: [...beside.current, reported(gauge('g', 'max'), ...long.map((one) => now(one, 1)))],
    };
    for (let round = 0; round < 2; round += 1) await instance.send(sent);
    await redis.client().flushall();
    await instance.send(sent);
    const { families } = await instance.store.snapshot();
    assert.deepEqual(
      families.map(({ series: list }) => list.length).toSorted((a, b) => a - b),
      [1, 1, 300, 300],
    );
    assert.ok(proxy.longest.request < 512 * KIB, `${proxy.longest.request} bytes`);
  });

  test('a point that is too large to send costs itself, counted and said once', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const project = new RedisProject(t, proxy.port);
    const instance = project.instance();
    const huge = many(20, 1_000_000);
    for (let round = 0; round < 2; round += 1) {
      const { dropped } = await instance.send({
        deltas: [
          added(counter('huge'), ...huge.map((one) => add(one, 1)), add(series(), 1)),
          ...beside.deltas,
        ],
        current: [reported(gauge('g', 'max'), now(huge[0] ?? series(), round)), ...beside.current],
      });
      assert.equal(dropped, 21);
    }
    await assertValues(instance, { huge: { '': [2] }, ...shownBeside(2) });
    assert.deepEqual(project.told.codes, ['ORCHESTRATOR_POINTS_DROPPED', 'ORCHESTRATOR_POINTS_DROPPED']);
    assert.match(
      project.warnings[0] ?? '',
      /^Metric huge: a point of more than 512 KiB is too large to send\./,
    );
    assert.ok(proxy.longest.request < 512 * KIB, `${proxy.longest.request} bytes`);
  });

  test('a service that refuses requests of a size gets smaller ones, and what it cannot take costs itself', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    proxy.maxRequestBytes = 48 * KIB;
    const project = new RedisProject(t, proxy.port);
    const instance = project.instance();
    const long = many(100, 1000);
    const [tooLong] = many(1, 60_000);
    const values = Array.from({ length: 22 }, () => 1);
    const wide = histogram(
      'wide',
      Array.from({ length: 20 }, (_, index) => index),
    );
    const batch = {
      deltas: [
        added(counter('long'), ...long.map((one) => add(one, 1)), add(tooLong ?? series(), 1)),
        added(wide, ...many(300).map((one) => add(one, ...values))),
        ...beside.deltas,
      ],
      current: [reported(gauge('g', 'max'), ...long.map((one) => now(one, 1))), ...beside.current],
    };
    assert.equal((await instance.send(batch)).dropped, 1);
    await redis.client().flushall();
    assert.equal((await instance.send(batch)).dropped, 1);
    const shown = valuesOf(await instance.store.snapshot());
    assert.deepEqual(
      [shown['long'], shown['wide'], shown['g']].map((of) => Object.values(of ?? {}).length),
      [100, 300, 100],
    );
    assert.deepEqual([shown['requests'], shown['beside']], [{ '': [1] }, { '': [1] }]);
    assert.deepEqual(project.told.codes, ['ORCHESTRATOR_POINTS_DROPPED']);
  });

  for (const buckets of [8100, 20_000]) {
    test(`${buckets} buckets are added up`, async (t) => {
      const redis = await startRedis(t);
      const project = new RedisProject(t, redis.port);
      const instance = project.instance();
      const wide = histogram(
        'wide',
        Array.from({ length: buckets }, (_, index) => index),
      );
      const counts = Array.from({ length: buckets + 1 }, (_, index) => (index % 3 === 1 ? 1 : 0));
      const expected = counts.map((count) => 3 * count);
      for (let round = 0; round < 3; round += 1)
        await instance.send({
          ...beside,
          deltas: [added(wide, add(series(), 0.5, ...counts)), ...beside.deltas],
        });
      await assertValues(instance, { wide: { '': [1.5, ...expected] }, ...shownBeside(3) });
      assert.deepEqual(project.warnings, []);
    });
  }

  test('a histogram that is too large costs itself', async (t) => {
    const redis = await startRedis(t);
    const project = new RedisProject(t, redis.port);
    const instance = project.instance();
    const boundaries = Array.from({ length: 100_000 }, (_, index) => index);
    const wide = added(histogram('wide', boundaries), add(series(), 1, ...boundaries, 1));
    assert.equal((await instance.send({ ...beside, deltas: [wide, ...beside.deltas] })).dropped, 1);
    await assertValues(instance, shownBeside(1));
    assert.match(
      project.warnings.join(),
      /^Metric wide: a point of more than 512 KiB is too large to send\./,
    );
  });

  test('6,000 metrics come in parts, and come back when Redis has lost everything', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const project = new RedisProject(t, proxy.port);
    const instance = project.instance();
    const called = await watch(redis);
    const families = Array.from({ length: 6000 }, (_, index) => counter(`family.${index}`));
    const some = { deltas: families.slice(0, 10).map((one) => added(one, add(series(), 1))) };
    await instance.send({ ...beside, deltas: families.map((one) => added(one, add(series(), 1))) });
    await redis.client().flushall();
    // What it adds to is there at once, and with it the descriptors of all others.
    await sendUntilConfirmed(instance, { ...beside, ...some });
    assert.equal(await redis.client().hlen(keys.families), 6001);
    await instance.send({ ...beside, deltas: families.map((one) => added(one, add(series(), 1))) });
    assert.equal((await instance.store.snapshot()).families.length, 6001);
    await instance.store.sweep();
    await instance.store.wipe();
    assert.deepEqual(await redis.keys(), ['orchestrator:projects', 'orchestrator:{shop}:wiped']);
    const commands = await called();
    const counts = scriptKeys(commands);
    assert.ok(counts.length > 100 && Math.max(...counts) <= 204, `${Math.max(...counts)} keys`);
    assert.ok(commands.every(([command, ...args]) => command !== 'unlink' || args.length === 1));
    assert.ok(proxy.longest.request < 512 * KIB, `${proxy.longest.request} bytes`);
    assert.ok(proxy.longest.reply < 512 * KIB, `${proxy.longest.reply} bytes`);
    assert.deepEqual(project.warnings, []);
  });

  test('a metric of many series is read in pages, and small ones many at a time', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const writer = new RedisProject(t, redis.port).instance();
    const boundaries = Array.from({ length: 15 }, (_, index) => index);
    const points = many(6000).map((one) => add(one, 1, ...boundaries, 1));
    const current = [reported(gauge('g', 'max'), ...many(4000).map((one) => now(one, 1)))];
    await writer.send({ deltas: [added(histogram('large', boundaries), ...points)], current });
    const { store } = new RedisProject(t, proxy.port).instance();
    // What was read before is no reason to read it in one piece.
    for (let scrape = 0; scrape < 2; scrape += 1) {
      const { families } = await store.snapshot();
      const lengths = families.map(({ family, series: list }) => [family.name, list.length]);
      assert.deepEqual(Object.fromEntries(lengths), { g: 4000, large: 6000 });
    }
    // A page of 1,000 entries, or labels of 1,000 series; 6,000 entries are a megabyte.
    assert.ok(proxy.longest.reply < 300 * KIB, `${proxy.longest.reply} bytes`);
    assert.ok(proxy.longest.request < 128 * KIB, `${proxy.longest.request} bytes`);

    const called = await watch(redis);
    await store.snapshot();
    const small = counter('small');
    for (let scrape = 0; scrape < 2; scrape += 1) {
      await writer.send({ deltas: [added(small, add(series(), 1))] });
      await store.snapshot();
    }
    const commands = await called();
    const read = commands.filter(
      ([name, key]) => /^(?:hgetall|hscan)$/.test(name) && key === keys.values(small.key),
    );
    // The log begins with the latest.
    assert.deepEqual(
      read.map(([name]) => name),
      ['hgetall', 'hscan'],
    );
  });

  test('wide series are read and swept a few at a time', async (t) => {
    const redis = await startRedis(t);
    const proxy = await startProxy(t, redis.port);
    const boundaries = Array.from({ length: 5000 }, (_, index) => index);
    const points = many(60, 3000).map((one) => add(one, 1, ...boundaries, 1));
    const wide = histogram('wide', boundaries);
    const writer = new RedisProject(t, redis.port).instance();
    await writer.send({ deltas: [added(wide, ...points)] });
    const { store } = new RedisProject(t, proxy.port).instance();
    await store.snapshot();
    // The first page of a hash that was never read is a guess.
    const first = proxy.longest.reply;
    proxy.longest.reply = 0;
    const called = await watch(redis);
    assert.equal((await store.snapshot()).families[0]?.series.length, 60);
    assert.ok(proxy.longest.reply < Math.min(first, 400 * KIB), `${proxy.longest.reply} bytes`);
    await store.sweep();
    const scans = (await called()).filter(([name, key]) => name === 'hscan' && key === keys.values(wide.key));
    const counts = scans.map((args) => Number(args.at(-1)));
    assert.ok(counts.length >= 10 && counts.every((count) => count <= 10), counts.join());
  });

  test('a thousand instances that died are swept a hundred at a time', async (t) => {
    const redis = await startRedis(t);
    const client = redis.client();
    const instance = new RedisProject(t, redis.port).instance({ lease: 'alive' });
    await instance.send(beside);
    for (let lease = 0; lease < 1000; lease += 1) {
      await client.zadd(keys.instances, 1000 + lease, `dead-${lease}`);
      await client.hset(keys.instance(`dead-${lease}`), 'position', '1', 'resource', '[]');
    }
    const called = await watch(redis);
    await instance.store.sweep();
    assert.deepEqual(await client.zrange(keys.instances, '0', '-1'), ['alive']);
    assert.deepEqual(await client.hgetall(keys.instance('dead-7')), { position: '1' });
    assert.ok(Math.max(...scriptKeys(await called())) <= 101);
  });
});
