import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { redisKeys } from '../../../src/store/redis/scripts/keys.js';
import { startRedis } from '../../helpers/redis.js';
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
  upDownCounter,
} from '../../contract/bed.js';
import { RedisProject } from './project.js';

const busy = counter('busy');
const idle = counter('idle');
const duration = histogram('duration', [1]);
const keys = redisKeys('shop');

/** A server that is short of memory evicts keys one by one. */
describe('one key is evicted', () => {
  const server = startRedis({ after });

  /** What every instance sends in each flush, and what it sent once. */
  const steady = {
    deltas: [added(busy, add(series(), 1)), added(duration, add(series(), 0.5, 1, 0))],
    current: [
      reported(upDownCounter('active'), now(series(), 2)),
      reported(gauge('temperature', 'max'), now(series(), 3)),
      reported(gauge('job', 'keep'), now(series(), 4)),
    ],
  };
  const once = { ...steady, deltas: [...steady.deltas, added(idle, add(series(), 7))] };
  const current = { active: { '': [4] }, temperature: { '': [3] }, job: { '': [4] } };

  const evict = async (key: string) => {
    const redis = await server;
    await redis.client().flushall();
    const project = new RedisProject({ after }, redis.port);
    const [a, b] = [project.instance({ lease: 'a' }), project.instance({ lease: 'b' })];
    for (const one of [a, b]) {
      await one.send(once);
      await one.send(steady);
    }
    await a.store.snapshot();
    assert.equal(await redis.client().del(key), 1, `there is no ${key}`);
    for (let round = 0; round < 2; round += 1) for (const one of [a, b]) await one.send(steady);
    return { a, project };
  };

  const lossless = {
    project: keys.project,
    families: keys.families,
    instances: keys.instances,
    instance: keys.instance('a'),
    'values of a family of current values': keys.values(upDownCounter('active').key),
    'labels of a family of current values': keys.labels(upDownCounter('active').key),
  };
  for (const [name, key] of Object.entries(lossless)) {
    test(`${name}: nothing is lost and nothing counted twice`, async () => {
      const { a, project } = await evict(key);
      await assertValues(a, {
        busy: { '': [8] },
        duration: { '': [4, 8, 0] },
        idle: { '': [14] },
        ...current,
      });
      assert.equal((await a.store.snapshot()).instances, 2);
      assert.deepEqual(project.warnings, []);
    });
  }

  for (const name of ['values', 'labels'] as const) {
    test(`${name} of a counter: it begins again, the others go on`, async () => {
      const { a } = await evict(keys[name](busy.key));
      await assertValues(a, {
        busy: { '': [4] },
        duration: { '': [4, 8, 0] },
        idle: { '': [14] },
        ...current,
      });
    });

    test(`${name} of a histogram: it begins again, the others go on`, async () => {
      const { a } = await evict(keys[name](duration.key));
      await assertValues(a, {
        busy: { '': [8] },
        duration: { '': [2, 4, 0] },
        idle: { '': [14] },
        ...current,
      });
    });

    test(`${name} of an idle counter: it comes back when it is counted again`, async () => {
      const { a } = await evict(keys[name](idle.key));
      await a.send({ ...steady, deltas: [added(idle, add(series(), 1))] });
      await assertValues(a, {
        busy: { '': [8] },
        duration: { '': [4, 8, 0] },
        idle: { '': [1] },
        ...current,
      });
    });
  }

  test('the script cache: scripts are loaded again', async () => {
    const redis = await server;
    await redis.client().flushall();
    const a = new RedisProject({ after }, redis.port).instance();
    for (let round = 0; round < 3; round += 1) {
      await redis.client().script('FLUSH');
      await a.send(steady);
      await redis.client().script('FLUSH');
      await a.store.sweep();
    }
    await assertValues(a, {
      busy: { '': [3] },
      duration: { '': [1.5, 3, 0] },
      ...current,
      active: { '': [2] },
    });
    await redis.client().script('FLUSH');
    await a.store.endLease();
    assert.equal((await a.store.snapshot()).instances, 0);
  });

  test('a place that becomes free is given to a new series, although some have overflowed', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const a = new RedisProject({ after }, redis.port).instance({ maxSeries: 2 });
    const [first, second, third, fourth] = ['1', '2', '3', '4'].map((n) => series({ n }));
    assert.ok(first && second && third && fourth);
    await a.send({ deltas: [added(busy, add(first, 1), add(second, 1), add(third, 1))] });
    // What a sweep does with a series that has expired.
    for (const key of [keys.values(busy.key), keys.labels(busy.key)]) await client.hdel(key, first.id);
    await a.send({ deltas: [added(busy, add(third, 1), add(fourth, 1))] });
    await assertValues(a, { busy: { 'n=2': [1], 'n=3': [1], 'otel.metric.overflow=true': [2] } });
  });
});
