import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { redisKeys } from '../../../src/store/redis/scripts/keys.js';
import { startRedis } from '../../helpers/redis.js';
import { gauge, now, reported, series, valuesOf } from '../../contract/bed.js';
import { RedisProject } from './project.js';

const server = startRedis({ after });
const keys = redisKeys('shop');

/** Version 0.1.0 has one key for a gauge, whether it is kept or not. */
test('what is kept under a key stays, although other instances report their own values under it', async () => {
  const redis = await server;
  const client = redis.client();
  const project = new RedisProject({ after }, redis.port);
  const own = gauge('job.last', 'instance');
  const keep = { ...gauge('job.last', 'keep'), key: own.key };
  const older = project.instance({ lease: 'older' });
  const sendOlder = (value: number) => older.send({ current: [reported(own, now(series(), value))] });
  const shown = async () => valuesOf(await older.store.snapshot())['job.last'];
  await sendOlder(1);
  assert.deepEqual(await shown(), { 'service.instance.id=older': [1] });

  const job = project.instance({ lease: 'job' });
  await job.send({ current: [reported(keep, now(series(), 42))] });
  await sendOlder(2);
  assert.deepEqual(await shown(), { '': [42] });
  await job.store.endLease();
  await sendOlder(3);
  assert.deepEqual(await shown(), { '': [42] });

  // The older one says from time to time that its series lives.
  const [id = ''] = await client.hkeys(keys.values(keep.key));
  const packed = await client.hgetBuffer(keys.values(keep.key), id);
  packed?.writeDoubleLE(1, 0);
  await client.hset(keys.values(keep.key), id, packed ?? '');
  await sendOlder(4);
  assert.deepEqual(await shown(), { '': [42] });

  await older.store.endLease();
  const successor = project.instance();
  await successor.send({});
  assert.deepEqual(valuesOf(await successor.store.snapshot())['job.last'], { '': [42] });
  await successor.send({ current: [reported(keep, now(series(), 43))] });
  assert.deepEqual(valuesOf(await successor.store.snapshot())['job.last'], { '': [43] });
});
