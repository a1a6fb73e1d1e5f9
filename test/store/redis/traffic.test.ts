import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../helpers/eventually.js';
import type { Owner } from '../../helpers/owner.js';
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
} from '../../contract/bed.js';
import { RedisProject } from './project.js';

const requests = counter('requests');
const boundaries = Array.from({ length: 15 }, (_, index) => index);
const duration = histogram('duration', boundaries);
const counts = Array.from({ length: 16 }, () => 1);
const many = Array.from({ length: 5000 }, (_, index) => series({ n: String(index) }));

/** Names of the commands that a server was given from here on, those of scripts included. */
async function watch(owner: Owner, redis: RedisServer): Promise<string[]> {
  const commands: string[] = [];
  const monitor = await redis.client().monitor();
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(String(args[0]).toLowerCase()));
  owner.after(() => monitor.disconnect());
  await sleep(50);
  return commands;
}

describe('what Redis is asked', () => {
  test('never walks over its keys, and scrapes write nothing', async (t) => {
    const redis = await startRedis(t);
    const project = new RedisProject(t, redis.port);
    const [a, b] = [project.instance(), project.instance()];
    const commands = await watch(t, redis);
    const sent = {
      deltas: [added(requests, add(series(), 1)), added(duration, add(series(), 1, ...counts))],
      current: [
        reported(gauge('g', 'max'), now(series(), 1)),
        reported(gauge('k', 'keep'), now(series(), 1)),
      ],
    };
    for (let round = 0; round < 2; round += 1) for (const one of [a, b]) await one.send(sent);
    await a.store.sweep();
    await b.store.endLease();
    await eventually(() => assert.ok(commands.includes('zrem')));
    commands.length = 0;
    await b.store.snapshot();
    await b.store.snapshot();
    await redis.client().echo('end');
    await eventually(() => assert.ok(commands.includes('echo')));
    const reading = new Set(['time', 'hmget', 'hgetall', 'hscan', 'zrange']);
    assert.deepEqual(
      commands.filter(
        (command) => !reading.has(command) && !['hello', 'info', 'client', 'echo'].includes(command),
      ),
      [],
    );
    await a.store.wipe();
    await eventually(() => assert.ok(commands.includes('unlink')));
    const walking = commands.filter(
      (command) => command === 'keys' || command === 'scan' || command === 'flushdb',
    );
    assert.deepEqual(walking, []);
  });

  test('a read-only replica can be scraped', async (t) => {
    const redis = await startRedis(t, { config: ['repl-diskless-sync-delay 0'] });
    const replica = await startRedis(t, { config: [`replicaof 127.0.0.1 ${redis.port}`] });
    const a = new RedisProject(t, redis.port).instance();
    await a.send({
      deltas: [added(requests, add(series(), 3))],
      current: [reported(gauge('g', 'max'), now(series(), 1))],
    });
    const reader = new RedisProject(t, replica.port).instance();
    await eventually(() => assertValues(reader, { requests: { '': [3] }, g: { '': [1] } }));
    await assert.rejects(reader.send({}), { code: 'ORCHESTRATOR_STORE_UNAVAILABLE', message: /READONLY/ });
  });

  test('5,000 series in one flush come in several calls, and labels travel once', async (t) => {
    const redis = await startRedis(t, { config: ['slowlog-log-slower-than 0', 'slowlog-max-len 1000'] });
    const a = new RedisProject(t, redis.port).instance();
    const sent = {
      deltas: [
        added(requests, ...many.map((one) => add(one, 1))),
        added(duration, ...many.map((one) => add(one, 1, ...counts))),
      ],
      current: [reported(gauge('g', 'max'), ...many.map((one) => now(one, 1)))],
    };
    const client = redis.client();
    const total = async () => Number(/total_net_input_bytes:(\d+)/.exec(await client.info('stats'))?.[1]);
    const bytesOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = await total();
      await work();
      return (await total()) - before;
    };
    const first = await bytesOf(() => a.send(sent));
    await client.call('SLOWLOG', 'RESET');
    const second = await bytesOf(() => a.send(sent));
    assert.ok(second < first - many.length * 30, `${second} bytes after ${first}`);
    const calls = (await client.call('SLOWLOG', 'GET', '1000')) as Array<
      [id: number, time: number, microseconds: number, command: string[]]
    >;
    const scripts = calls.filter(([, , , [command]]) => /^evalsha$/i.test(command ?? ''));
    assert.ok(scripts.length >= 10, `${scripts.length} calls`);
    const longest = Math.max(...scripts.map(([, , microseconds]) => microseconds));
    t.diagnostic(`longest of ${scripts.length} calls: ${longest} us`);
    const { families } = await a.store.snapshot();
    const shown = families.map(({ family, series: list }) => [
      family.name,
      [list.length, list[0]?.values[0]],
    ]);
    assert.deepEqual(Object.fromEntries(shown), { requests: [5000, 2], duration: [5000, 2], g: [5000, 1] });
  });

  test('an instance that Redis forgot is written whole again, in pieces', async (t) => {
    const redis = await startRedis(t, { config: ['slowlog-log-slower-than 0', 'slowlog-max-len 1000'] });
    const client = redis.client();
    const a = new RedisProject(t, redis.port).instance();
    const current = ['g', 'h', 'i'].map((name) =>
      reported(gauge(name, 'max'), ...many.map((one) => now(one, 1))),
    );
    await a.send({ current });
    await client.flushall();
    await client.call('SLOWLOG', 'RESET');
    await a.send({ current });
    const calls = (await client.call('SLOWLOG', 'GET', '1000')) as Array<[number, number, number, string[]]>;
    const longest = Math.max(...calls.map(([, , microseconds]) => microseconds));
    t.diagnostic(`longest call: ${longest} us`);
    const { families } = await a.store.snapshot();
    assert.deepEqual(
      families.map(({ series: list }) => list.length),
      [5000, 5000, 5000],
    );
  });
});
