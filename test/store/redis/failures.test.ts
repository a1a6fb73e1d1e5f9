import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../helpers/eventually.js';
import { startProxy } from '../../helpers/proxy.js';
import { startRedis } from '../../helpers/redis.js';
import { scratchDir } from '../../helpers/scratch.js';
import {
  add,
  added,
  assertValues,
  counter,
  histogram,
  now,
  reported,
  series,
  upDownCounter,
} from '../../contract/bed.js';
import { RedisProject, sendUntilConfirmed } from './project.js';

const requests = counter('requests');
const duration = histogram('duration', [1]);
const active = upDownCounter('active');

const one = {
  deltas: [added(requests, add(series({ code: '200' }), 1)), added(duration, add(series(), 0.5, 1, 0))],
  current: [reported(active, now(series(), 2))],
};
const sumOf = (rounds: number, instances = 1) => ({
  requests: { 'code=200': [rounds] },
  duration: { '': [rounds / 2, rounds, 0] },
  active: { '': [2 * instances] },
});
const messages = (errors: readonly Error[]): string => errors.map(({ message }) => message).join('\n');

test('replies that are lost, 100 of them at random, count nothing twice', async (t) => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const project = new RedisProject(t, proxy.port);
  const instances = [project.instance(), project.instance()];
  let lost = 0;
  proxy.decide = (command) => {
    if (!/^eval/i.test(command) || Math.random() < 0.5) return 'forward';
    lost += 1;
    return Math.random() < 0.5 ? 'dropReply' : 'dropRequest';
  };
  let rounds = 0;
  const enough = () => lost >= 100;
  while (!enough()) {
    await Promise.all(instances.map((instance) => sendUntilConfirmed(instance, one)));
    rounds += instances.length;
  }
  proxy.decide = () => 'forward';
  await assertValues(project.instance(), sumOf(rounds, 2));
});

test('a connection that is cut again and again costs nothing', async (t) => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const instance = new RedisProject(t, proxy.port).instance();
  proxy.latencyMs = 1;
  const cutting = setInterval(() => proxy.cut(), 7);
  t.after(() => clearInterval(cutting));
  for (let round = 0; round < 100; round += 1) await sendUntilConfirmed(instance, one);
  clearInterval(cutting);
  await eventually(() => assertValues(instance, sumOf(100)));
});

test('a server that hangs gets what it missed once when it goes on', async (t) => {
  const redis = await startRedis(t);
  const project = new RedisProject(t, redis.port);
  const instance = project.instance({ timeoutMs: 200 });
  await instance.send(one);
  redis.pause();
  const sending = sendUntilConfirmed(instance, one);
  await assert.rejects(instance.store.snapshot(), {
    code: 'ORCHESTRATOR_STORE_UNAVAILABLE',
    message: /^redis 127\.0\.0\.1:\d+: no answer within 200 ms\.$/,
  });
  await sleep(2000);
  redis.resume();
  assert.match(messages(await sending), /no answer within 200 ms/);
  await instance.send(one);
  await assertValues(instance, sumOf(3));
});

test('clients that are paused for writing can still be read, and lose nothing', async (t) => {
  const redis = await startRedis(t);
  const instance = new RedisProject(t, redis.port).instance();
  await instance.send(one);
  await redis.client().client('PAUSE', 500, 'WRITE');
  const sending = instance.send(one);
  await assertValues(instance, sumOf(1));
  await sending;
  await assertValues(instance, sumOf(2));
});

test('a server that is out of memory, read-only, or loading is named as such, and loses nothing', async (t) => {
  const redis = await startRedis(t, {
    config: ['maxmemory-policy noeviction', 'loading-process-events-interval-bytes 1024'],
  });
  const client = redis.client();
  const instance = new RedisProject(t, redis.port).instance();
  await instance.send(one);

  await client.config('SET', 'maxmemory', '1');
  let sending = sendUntilConfirmed(instance, one);
  await sleep(100);
  await assertValues(instance, sumOf(1));
  await client.config('SET', 'maxmemory', '0');
  assert.match(messages(await sending), /OOM/);

  await client.replicaof('127.0.0.1', 1);
  sending = sendUntilConfirmed(instance, one);
  await sleep(100);
  await client.replicaof('NO', 'ONE');
  assert.match(messages(await sending), /READONLY/);
  await assertValues(instance, sumOf(3));

  await client.set('ballast', 'x'.repeat(1_000_000));
  await client.config('SET', 'rdbcompression', 'no');
  await client.config('SET', 'key-load-delay', '100000');
  const reloading = client.call('DEBUG', 'RELOAD');
  sending = sendUntilConfirmed(instance, one);
  const errors = messages(await sending);
  await reloading;
  assert.match(errors, /LOADING/);
  await assertValues(instance, sumOf(4));
});

test('a server that is restarted with its data goes on, and one without begins again', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const project = new RedisProject(t, redis.port);
  const [a, b] = [project.instance(), project.instance()];
  for (const instance of [a, b]) await instance.send(one);
  await redis.stop('SIGKILL');
  const sending = [a, b].map((instance) => sendUntilConfirmed(instance, one));
  await sleep(100);
  await redis.start('kept');
  for (const errors of await Promise.all(sending)) assert.match(messages(errors), /ECONNREFUSED|closed/);
  await assertValues(a, sumOf(4, 2));

  const start = async () => {
    const { families } = await a.store.snapshot();
    return families.find(({ family }) => family.name === 'requests')?.series[0]?.startMs ?? Number.NaN;
  };
  const before = await start();
  await redis.stop('SIGKILL');
  await redis.start('empty');
  for (const instance of [a, b]) await sendUntilConfirmed(instance, one);
  await assertValues(b, sumOf(2, 2));
  assert.ok((await start()) > before);
  assert.deepEqual(project.warnings, []);
});

test('confirmed writes that a server lost are sent again: a restart from an older backup', async (t) => {
  const redis = await startRedis(t, { config: ['dbfilename dump.rdb'] });
  const project = new RedisProject(t, redis.port);
  const [a, b] = [project.instance(), project.instance()];
  for (let round = 0; round < 3; round += 1) for (const instance of [a, b]) await instance.send(one);
  const client = redis.client();
  await client.save();
  const [, dir = ''] = await client.config('GET', 'dir');
  const backup = join(scratchDir(t, 'backup'), 'dump.rdb');
  await copyFile(join(dir, 'dump.rdb'), backup);
  const late = counter('late');
  for (let round = 0; round < 5; round += 1) {
    for (const instance of [a, b])
      await instance.send({ ...one, deltas: [...one.deltas, added(late, add(series(), 1))] });
  }
  for (let restart = 0; restart < 2; restart += 1) {
    await redis.stop('SIGKILL');
    await copyFile(backup, join(dir, 'dump.rdb'));
    await redis.start('kept');
    for (const instance of [a, b]) await sendUntilConfirmed(instance, one);
    await assertValues(a, { ...sumOf(16 + 2 + 2 * restart, 2), late: { '': [10] } });
    assert.equal(project.warnings.length, 2 * (restart + 1));
    for (const warning of project.warnings)
      assert.match(warning, /lost confirmed writes.* parts are sent again\.$/);
    assert.deepEqual(new Set(project.told.codes), new Set(['ORCHESTRATOR_FAILOVER']));
  }
});

test('a flush of unknown outcome is given up when Redis has forgotten whether it arrived, and not before', async (t) => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const project = new RedisProject(t, proxy.port);
  const instance = project.instance({ ttlMs: 1000, leaseMs: 500, lease: 'away' });
  const other = new RedisProject(t, redis.port).instance();
  await instance.send(one);
  const loseReply = async () => {
    proxy.decide = (command) => (/^eval/i.test(command) ? 'dropReply' : 'forward');
    await assert.rejects(instance.send(one));
    proxy.decide = () => 'forward';
  };
  await loseReply();
  await sleep(1000);
  await instance.sendAgain();
  await instance.send(one);
  await assertValues(other, sumOf(3));
  assert.deepEqual(project.told.codes, []);

  await loseReply();
  let others = 0;
  await eventually(async () => {
    // The project lives on.
    await other.send(one);
    others += 1;
    assert.equal(await redis.client().exists('orchestrator:{shop}:instance:away'), 0);
  });
  await instance.sendAgain();
  assert.deepEqual(project.told.codes, ['ORCHESTRATOR_OUTCOME_UNKNOWN']);
  await assertValues(other, sumOf(4 + others, 1));
  await instance.send(one);
  await assertValues(other, sumOf(5 + others, 2));
});

test('a replay that is interrupted goes on where it ended', async (t) => {
  const redis = await startRedis(t, { config: ['dbfilename dump.rdb'] });
  const proxy = await startProxy(t, redis.port);
  const instance = new RedisProject(t, proxy.port).instance();
  await instance.send(one);
  await redis.client().save();
  for (let round = 0; round < 20; round += 1) await instance.send(one);
  await redis.stop('SIGKILL');
  await redis.start('kept');
  let count = 0;
  proxy.decide = (command) => {
    if (!/^eval/i.test(command)) return 'forward';
    count += 1;
    return count % 3 === 0 ? 'dropReply' : count % 5 === 0 ? 'dropRequest' : 'forward';
  };
  await sendUntilConfirmed(instance, one);
  proxy.decide = () => 'forward';
  await assertValues(instance, sumOf(22));
});

test('a lease that others ended while the server was restarted from a backup is replayed all the same', async (t) => {
  const redis = await startRedis(t, { config: ['dbfilename dump.rdb'] });
  const project = new RedisProject(t, redis.port);
  const [a, b] = [project.instance({ leaseMs: 300 }), project.instance()];
  await a.send(one);
  await redis.client().save();
  for (let round = 0; round < 4; round += 1) await a.send(one);
  await redis.stop('SIGKILL');
  await redis.start('kept');
  await b.send({});
  await eventually(async () => {
    await b.store.sweep();
    assert.equal(await redis.client().zcard('orchestrator:{shop}:instances'), 1);
  });
  await a.send(one);
  await assertValues(b, sumOf(6));
});
