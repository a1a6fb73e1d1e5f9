import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AllowedHosts, isLoopback } from '../../../src/server/access/allowed-hosts.js';
import { BasicUsers } from '../../../src/server/access/basic-users.js';
import { OneByOne } from '../../../src/server/access/one-by-one.js';
import { hashPassword, isPassword, parsePasswordHash } from '../../../src/server/access/password-hash.js';
import { PortProof } from '../../../src/server/access/port-proof.js';
import { REFUSAL_REASONS, Refusals, observeRefusals } from '../../../src/server/access/refusals.js';
import { SecretSet } from '../../../src/server/access/secret-set.js';
import { SlowDown } from '../../../src/server/access/slow-down.js';
import { Warnings } from '../../helpers/warnings.js';
import { CollectedMetrics } from '../../instrumentation/collected-metrics.js';

describe('a hash of a password', () => {
  test('is read as it was made, and is another one each time', async () => {
    const [one, other] = await Promise.all([hashPassword('pässword'), hashPassword('pässword')]);
    assert.notEqual(one, other);
    // Neither a shell nor a Compose file nor a list changes it.
    assert.match(one, /^[\w:-]+$/);
    const parsed = parsePasswordHash(one);
    assert.ok(parsed !== undefined);
    assert.equal(await isPassword('pässword', parsed), true);
    assert.equal(await isPassword('pa\u0308ssword', parsed), true, 'composed otherwise, the same text');
    assert.equal(await isPassword('password', parsed), false);
  });

  test('whose check would cost too much is none', () => {
    const tail = 'AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    assert.ok(parsePasswordHash(`scrypt:16384:8:1:${tail}`) !== undefined);
    for (const cost of [
      '1048576:8:1',
      '16384:100:1',
      '16384:8:100',
      '16383:8:1',
      '0:8:1',
      '1:8:1',
      '16384:0:1',
    ])
      assert.equal(parsePasswordHash(`scrypt:${cost}:${tail}`), undefined, cost);
  });
});

describe('users of basic authentication', () => {
  test('cost one check for each header, right or wrong, and one for those that come together', async () => {
    let checks = 0;
    class Counting extends OneByOne {
      override run<T>(address: string, check: () => Promise<T>): Promise<T | 'busy'> {
        checks += 1;
        return super.run(address, check);
      }
    }
    const users = new BasicUsers([`p:${await hashPassword('right')}`], new Counting());
    const header = (password: string): string => Buffer.from(`p:${password}`).toString('base64');
    const judge = (password: string): Promise<unknown> => users.judge(header(password), '10.0.0.1');
    assert.deepEqual(
      await Promise.all([judge('right'), judge('right'), judge('right')]),
      Array(3).fill('right'),
    );
    assert.equal(checks, 1);
    assert.deepEqual(
      [await judge('right'), await judge('wrong'), await judge('wrong')],
      ['right', 'wrong', 'wrong'],
    );
    assert.equal(checks, 2);
  });
});

test('checks run one by one, few of an address wait, and another address gets its turn', async () => {
  const checks = new OneByOne();
  let running = 0;
  let most = 0;
  const check = async (): Promise<string> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    running -= 1;
    return 'done';
  };
  const flood = Array.from({ length: 50 }, () => checks.run('10.0.0.1', check));
  const other = checks.run('10.0.0.2', check);
  assert.deepEqual((await Promise.all(flood)).map((answer) => answer === 'done').filter(Boolean).length, 4);
  assert.equal(await other, 'done');
  assert.equal(most, 1);
  const failing = checks.run('10.0.0.1', () => Promise.reject(new Error('no')));
  const after = checks.run('10.0.0.1', check);
  await assert.rejects(failing, /no/);
  assert.equal(await after, 'done');
});

test('a secret is found among several, and nothing else is', () => {
  const set = new SecretSet(['one', 'two', 'three']);
  for (const secret of ['one', 'two', 'three']) assert.ok(set.has(secret));
  for (const other of ['', 'on', 'onee', 'ONE', 'one,two']) assert.ok(!set.has(other), other);
  assert.ok(!new SecretSet([]).has(''));
});

test('wrong requests of an address wait longer each time, those of another one do not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const slowDown = new SlowDown();
  const waitsFor = async (address: string, milliseconds: number): Promise<void> => {
    let over = false;
    const waiting = slowDown.wait(address).then(() => (over = true));
    t.mock.timers.tick(milliseconds - 1);
    await Promise.resolve();
    assert.equal(over, false);
    t.mock.timers.tick(1);
    await waiting;
  };
  for (const milliseconds of [100, 200, 400, 800, 1600, 3000, 3000]) await waitsFor('10.0.0.1', milliseconds);
  await waitsFor('10.0.0.2', 100);
});

describe('refused requests', () => {
  test('are counted by their reason, those before the metric too', async () => {
    const refusals = new Refusals(() => undefined);
    refusals.note('host', '10.0.0.1');
    refusals.note('wrong_credentials', '10.0.0.1');
    const metrics = new CollectedMetrics();
    observeRefusals(metrics.meter, refusals);
    refusals.note('host', undefined);
    const counted = new Map(REFUSAL_REASONS.map((reason) => [reason as string, 0]));
    counted.set('host', 2).set('wrong_credentials', 1);
    const points = (await metrics.points('orchestrator.requests.refused')).map(
      ({ attributes, value }) => [attributes['reason'], value] as const,
    );
    assert.deepEqual(new Map(points), counted);
  });

  test('are said once a minute at most', (t) => {
    const told = new Warnings();
    let now = 1_000_000;
    t.mock.method(performance, 'now', () => now);
    const refusals = new Refusals(told.warn);
    for (let request = 0; request < 100; request += 1) refusals.note('no_credentials', '10.0.0.1');
    assert.equal(told.messages.length, 1);
    now += 59_999;
    refusals.note('no_credentials', '10.0.0.1');
    assert.equal(told.messages.length, 1);
    now += 1;
    refusals.note('host', '10.0.0.9');
    assert.deepEqual(told.codes, ['ORCHESTRATOR_REQUESTS_REFUSED', 'ORCHESTRATOR_REQUESTS_REFUSED']);
    assert.match(told.messages[1] ?? '', /^101 requests .* from 10\.0\.0\.9: host\.$/);
  });
});

describe('the name of the host in a request', () => {
  test('is one of the loopback, or an address, or allowed, when the server is bound to the loopback', () => {
    for (const bound of ['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]']) {
      assert.ok(isLoopback(bound), bound);
      const hosts = new AllowedHosts(bound, ['metrics.example.com', '*.internal.example.com']);
      for (const host of [
        undefined,
        'localhost',
        'LOCALHOST:9464',
        'localhost.',
        'shop.localhost:1',
        '127.0.0.1:9464',
        '[::1]:9464',
        '192.168.1.2',
        'metrics.example.com:443',
        'a.b.internal.example.com',
      ])
        assert.ok(hosts.allows(host), host);
      for (const host of [
        'evil.example',
        'localhost.evil.example',
        'evil.example:9464',
        '127.0.0.1.evil.example',
        'internal.example.com',
        'evilmetrics.example.com',
        'metrics.example.com.evil.example',
        '',
      ])
        assert.ok(!hosts.allows(host), host);
    }
  });

  test('is any name elsewhere, unless some are set; `*` allows all', () => {
    assert.ok(!isLoopback('0.0.0.0') && !isLoopback('::') && !isLoopback('shop.example'));
    assert.ok(new AllowedHosts('0.0.0.0', []).allows('shop.example:9464'));
    const some = new AllowedHosts('0.0.0.0', ['shop.example']);
    assert.deepEqual(
      ['shop.example:9464', 'localhost', 'evil.example'].map((host) => some.allows(host)),
      [true, true, false],
    );
    assert.ok(new AllowedHosts('127.0.0.1', ['*']).allows('evil.example'));
  });
});

test('two processes prove to each other what they share, and to nobody else', async () => {
  const ours = new PortProof(async () => ['old', 'new']);
  const theirs = new PortProof(async () => ['new']);
  const strangers = new PortProof(async () => ['another']);
  const proofs = await theirs.prove('challenge', 'project shop');
  assert.equal(proofs.length, 1);
  assert.equal(await ours.isProven('challenge', 'project shop', proofs), true);
  assert.equal(await ours.isProven('another challenge', 'project shop', proofs), false);
  assert.equal(await ours.isProven('challenge', 'project hr', proofs), false);
  assert.equal(await strangers.isProven('challenge', 'project shop', proofs), false);
  assert.equal(await ours.isProven('challenge', 'project shop', ['', 'x']), false);
});
