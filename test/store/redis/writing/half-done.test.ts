import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { packExponential } from '../../../../src/model/exponential-histogram.js';
import { familyKey, type Family } from '../../../../src/model/family.js';
import { redisKeys } from '../../../../src/store/redis/scripts/keys.js';
import {
  add,
  added,
  assertValues,
  counter,
  gauge,
  histogram,
  type Instance,
  now,
  reported,
  type Sent,
  series,
  upDownCounter,
  valuesOf,
} from '../../../contract/bed.js';
import { codeBlocks, readPage } from '../../../docs/pages.js';
import { startRedis, type RedisServer } from '../../../helpers/redis.js';
import { RedisProject, sendUntilConfirmed } from '../project.js';

const keys = redisKeys('shop');
const requests = counter('requests');
const duration = histogram('duration', [1]);
const identity = { name: 'latency', type: 'exponentialhistogram', unit: 's' } as const;
const latency: Family = { ...identity, help: '', key: familyKey(identity) };
const one = packExponential({
  scale: 3,
  zeroThreshold: 0,
  zeroCount: 0,
  sum: 1,
  positive: { offset: 0, counts: [1] },
  negative: { offset: 0, counts: [] },
});

/** Something for every write of the script: known and new series and families, a value that leaves, one that is kept. */
const sent = (round: number): Sent => ({
  deltas: [
    added(requests, add(series(), 1), add(series({ round: String(round) }), 1)),
    added(duration, add(series(), 0.5, 1, 0)),
    added(latency, add(series(), ...one)),
    added(counter(`of.round.${round}`), add(series(), 1)),
  ],
  current: [
    reported(upDownCounter('active'), now(series(), 2)),
    reported(gauge('temperature', 'max'), now(series({ round: String(round) }), round)),
    reported(gauge('job', 'keep'), now(series(), round)),
  ],
});

const sumOf = (rounds: readonly number[], last: number) => ({
  requests: {
    '': [rounds.length],
    ...Object.fromEntries(rounds.map((round) => [`round=${round}`, [1]])),
  },
  duration: { '': [rounds.length / 2, rounds.length, 0] },
  latency: { '': [3, 0, 0, rounds.length, 0, 1, 0, rounds.length] },
  ...Object.fromEntries(rounds.map((round) => [`of.round.${round}`, { '': [1] }])),
  active: { '': [2] },
  temperature: { [`round=${last}`]: [last] },
  job: { '': [last] },
});

/** Several attempts while something refuses, and then until it is confirmed. */
async function refusedAndThenSent(
  instance: Instance,
  batch: Sent,
  allow: () => Promise<unknown>,
): Promise<number> {
  let refused = 0;
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch(() => (refused += 1));
  };
  await attempt(() => instance.send(batch));
  for (let again = 0; again < 3; again += 1) await attempt(() => instance.sendAgain());
  await allow();
  await instance.sendAgain();
  return refused;
}

function documentedRules(): string {
  const line = codeBlocks(readPage('docs/security.md'), 'text').find((block) => block.startsWith('ACL'));
  return line?.split(' ').slice(5).join(' ') ?? '';
}

describe('a right that is missing for a while', () => {
  const rules = documentedRules();
  const server = startRedis({ after }, { users: [`shop on >secret ${rules}`] });
  const commands = Array.from(rules.matchAll(/\+(\w+)/g), ([, command = '']) => command);

  const instanceOf = ({ port }: RedisServer, lease: string): Instance =>
    new RedisProject(
      { after },
      {
        mode: 'standalone',
        nodes: [{ host: '127.0.0.1', port }],
        username: 'shop',
        password: 'secret',
      },
    ).instance({ lease });

  for (const known of [true, false]) {
    test(`costs nothing and counts nothing twice; the instance is ${known ? 'known' : 'new'}`, async () => {
      const redis = await server;
      const client = redis.client();
      let refusals = 0;
      const rounds: number[] = [];
      await client.flushall();
      let instance = instanceOf(redis, 'first');
      await instance.send(sent(0));
      rounds.push(0);
      for (const [index, command] of commands.entries()) {
        if (!known) {
          await instance.store.endLease();
          instance = instanceOf(redis, command);
        }
        await client.call('ACL', 'SETUSER', 'shop', `-${command}`);
        const allow = () => client.call('ACL', 'SETUSER', 'shop', `+${command}`);
        refusals += await refusedAndThenSent(instance, sent(index + 1), allow);
        rounds.push(index + 1);
        await assertValues(instance, sumOf(rounds, index + 1));
      }
      assert.ok(refusals > 4 * 8, `${refusals} refusals of ${commands.length} commands`);
    });
  }

  test('does not make a lease that ends forget what was applied', async () => {
    const redis = await server;
    const client = redis.client();
    for (const command of commands) {
      await client.flushall();
      const instance = instanceOf(redis, 'ends');
      await instance.send(sent(1));
      await client.call('ACL', 'SETUSER', 'shop', `-${command}`);
      await instance.store.endLease().catch(() => undefined);
      await client.call('ACL', 'SETUSER', 'shop', `+${command}`);
      // A process that was suspended in the middle of this very batch.
      await instanceOf(redis, 'ends').send(sent(1));
      assert.deepEqual(valuesOf(await instance.store.snapshot())['requests'], { '': [1], 'round=1': [1] });
    }
  });

  test('for some keys only costs what it touches, once, counted and said', async () => {
    const redis = await server;
    const client = redis.client();
    await client.flushall();
    const project = new RedisProject(
      { after },
      {
        mode: 'standalone',
        nodes: [{ host: '127.0.0.1', port: redis.port }],
        username: 'some',
        password: 'x',
      },
    );
    const instance = project.instance({ lease: 'some' });
    const all = ['on', '>x', '~orchestrator:{shop}:*', '+@all'];
    await client.call('ACL', 'SETUSER', 'some', ...all);
    await instance.send({ deltas: [added(requests, add(series(), 1))] });
    await client.call('ACL', 'SETUSER', 'some', '-hset', '(+hset ~orchestrator:{shop}:instance:*)');
    const { dropped } = await instance.send({ deltas: [added(requests, add(series(), 10))] });
    await instance.sendAgain();
    assert.equal(dropped, 1);
    assert.equal(project.warnings.length, 1);
    assert.match(project.warnings[0] ?? '', /^Metric requests: .* refused a write in the middle: .*dropped/);
    await client.call('ACL', 'SETUSER', 'some', 'resetkeys', 'clearselectors', ...all);
    await instance.send({ deltas: [added(requests, add(series(), 100))] });
    await assertValues(instance, { requests: { '': [101] } });
  });
});

describe('a key of another type', () => {
  const server = startRedis({ after });

  for (const [name, key] of Object.entries({
    project: keys.project,
    families: keys.families,
    instances: keys.instances,
    instance: keys.instance('a'),
  })) {
    test(`${name}: nothing is lost and nothing is counted twice`, async () => {
      const redis = await server;
      const client = redis.client();
      await client.flushall();
      const instance = new RedisProject({ after }, redis.port).instance({ lease: 'a' });
      await instance.send(sent(1));
      await client.del(key);
      await client.set(key, 'a string');
      // The flush puts its own in the place, and each of its repetitions finds that there.
      await instance.send(sent(2));
      await instance.sendAgain();
      await assertValues(instance, sumOf([1, 2], 2));
    });
  }

  for (const of of ['values', 'labels'] as const) {
    test(`${of} of one family: it costs itself, counted and said once`, async () => {
      const redis = await server;
      const client = redis.client();
      await client.flushall();
      const project = new RedisProject({ after }, redis.port);
      const instance = project.instance();
      await instance.send(sent(1));
      await client.set(keys[of](duration.key), 'a string');
      for (const round of [2, 3]) assert.equal((await instance.send(sent(round))).dropped, 1);
      assert.deepEqual(
        project.warnings.map((warning) => /^Metric duration: .*is no hash\. Such points/.test(warning)),
        [true],
      );
      await client.del(keys[of](duration.key));
      await instance.send(sent(4));
      assert.deepEqual(valuesOf(await instance.store.snapshot()), {
        ...sumOf([1, 2, 3, 4], 4),
        duration: { '': [0.5, 1, 0] },
      });
    });
  }
});

test('a write without memory, on a replica or without enough replicas is refused as a whole', async (t) => {
  const redis = await startRedis(t, { config: ['maxmemory-policy noeviction'] });
  const client = redis.client();
  const instance = new RedisProject(t, redis.port).instance();
  await instance.send(sent(0));
  const states: ReadonlyArray<
    readonly [pattern: RegExp, begin: () => Promise<unknown>, end: () => Promise<unknown>]
  > = [
    [/OOM/, () => client.config('SET', 'maxmemory', '1'), () => client.config('SET', 'maxmemory', '0')],
    [/READONLY/, () => client.replicaof('127.0.0.1', 1), () => client.replicaof('NO', 'ONE')],
    [
      /NOREPLICAS/,
      () => client.config('SET', 'min-replicas-to-write', '1'),
      () => client.config('SET', 'min-replicas-to-write', '0'),
    ],
  ];
  const rounds = [0];
  for (const [index, [pattern, begin, end]] of states.entries()) {
    await begin();
    await assert.rejects(instance.send(sent(index + 1)), pattern);
    await assert.rejects(instance.sendAgain(), pattern);
    await end();
    await instance.sendAgain();
    rounds.push(index + 1);
    await assertValues(instance, sumOf(rounds, index + 1));
  }
  assert.deepEqual(await sendUntilConfirmed(instance, {}), []);
});
