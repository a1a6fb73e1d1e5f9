import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { inspect } from 'node:util';

import type { Environment } from '../../src/config/environment.js';
import { readSettings } from '../../src/config/read-settings.js';
import { storeOf } from '../../src/start/open-store.js';
import type { Warn } from '../../src/warnings.js';
import type { MetricStore, StoreContext } from '../../src/store/metric-store.js';
import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startLoneSentinel, startRedis, type RedisServer } from '../helpers/redis.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import {
  add,
  added,
  assertValues,
  counter,
  Instance,
  now,
  reported,
  series,
  upDownCounter,
} from '../contract/bed.js';

const requests = counter('requests');
const active = upDownCounter('active');

/** The rules of docs/security.md: keys and commands. */
function documentedRules(): string {
  const text = readFileSync(join(PACKAGE_ROOT, 'docs', 'security.md'), 'utf8');
  const rules = /ACL SETUSER shop on >secret (?<rules>.*)/.exec(text)?.groups?.['rules'];
  assert.ok(rules !== undefined);
  return rules;
}

const tlsLines = ({ certificates }: Pick<RedisServer, 'certificates'>): string[] => [
  `tls-cert-file ${certificates.serverCert}`,
  `tls-key-file ${certificates.serverKey}`,
  `tls-ca-cert-file ${certificates.ca}`,
  'tls-auth-clients no',
];

let stores = 0;

function open(owner: Owner, env: Environment, overrides: Partial<StoreContext> = {}): MetricStore {
  const complaints: string[] = [];
  const settings = readSettings(env, {}, (message) => complaints.push(message));
  assert.deepEqual(complaints, []);
  stores += 1;
  const store = storeOf(
    settings,
    {
      prefix: 'shop',
      project: 'shop',
      lease: `lease-${stores}`,
      leaseMs: 600_000,
      ttlMs: 600_000,
      maxSeries: 100,
      warn: () => undefined,
      ...overrides,
    },
    10_000,
  );
  owner.after(() => store.close());
  return store;
}

const failure = async (store: MetricStore): Promise<Error & { code?: unknown }> =>
  store.snapshot().then(
    () => assert.fail('it must not be readable'),
    (error: unknown) => {
      assert.ok(error instanceof Error);
      return error;
    },
  );

/** Everything that a store does. */
async function useAll(owner: Owner, env: Environment): Promise<void> {
  const [a, b] = [new Instance(open(owner, env), []), new Instance(open(owner, env), [])];
  for (let round = 0; round < 2; round += 1) {
    for (const one of [a, b]) {
      await one.send({
        deltas: [added(requests, add(series({ code: '200' }), 2))],
        current: [reported(active, now(series(), 3 + round))],
      });
    }
  }
  await assertValues(a, { requests: { 'code=200': [8] }, active: { '': [8] } });
  await a.store.sweep();
  await b.store.endLease();
  await assertValues(a, { requests: { 'code=200': [8] }, active: { '': [4] } });
  await a.store.wipe();
  await assertValues(b, {});
}

describe('a Redis store works with', () => {
  const cases: Record<string, (owner: Owner) => Promise<Environment>> = {
    'a URL': async (owner) => ({ ORCHESTRATOR_REDIS_URL: (await startRedis(owner)).url }),
    REDIS_URL: async (owner) => ({ REDIS_URL: (await startRedis(owner)).url }),
    'a database number': async (owner) => ({ REDIS_URL: `${(await startRedis(owner)).url}/3` }),
    'a unix socket': async (owner) => ({ REDIS_URL: (await startRedis(owner, { unixSocket: true })).url }),
    'a password': async (owner) => ({ REDIS_URL: (await startRedis(owner, { password: 'p@ss:w/rd%' })).url }),
    'a password of its own setting': async (owner) => ({
      REDIS_URL: `redis://127.0.0.1:${(await startRedis(owner, { password: 'secret' })).port}`,
      ORCHESTRATOR_REDIS_PASSWORD: 'secret',
    }),
    'a password with a bare percent sign': async (owner) => ({
      REDIS_URL: `redis://:100%ok@127.0.0.1:${(await startRedis(owner, { password: '100%ok' })).port}`,
    }),
    'an ACL user of the rules in docs/security.md': async (owner) => {
      const users = [`shop on >secret ${documentedRules()}`];
      return { REDIS_URL: (await startRedis(owner, { users })).urlFor('shop', 'secret') };
    },
    'an ACL user of the rules of version 0.1.0': async (owner) => {
      const rights =
        'eval evalsha time del exists get pexpire set unlink hdel hexists hget hgetall hkeys hlen hmget hscan hset zadd zrange zrem zscore';
      const commands = rights.replaceAll(/\w+/g, '+$&');
      const users = [`shop on >secret resetkeys ~orchestrator:{shop}:* resetchannels -@all ${commands}`];
      return { REDIS_URL: (await startRedis(owner, { users })).urlFor('shop', 'secret') };
    },
    TLS: async (owner) => {
      const redis = await startRedis(owner, { tls: true });
      return { REDIS_URL: redis.url, ORCHESTRATOR_REDIS_TLS_CA: redis.certificates.ca };
    },
    'TLS by name': async (owner) => {
      const redis = await startRedis(owner, { tls: true });
      return {
        REDIS_URL: `rediss://localhost:${redis.port}`,
        ORCHESTRATOR_REDIS_TLS_CA: redis.certificates.ca,
      };
    },
    'TLS and a client certificate': async (owner) => {
      const redis = await startRedis(owner, { tls: 'mutual' });
      const { ca, clientCert, clientKey } = redis.certificates;
      return {
        REDIS_URL: redis.url,
        ORCHESTRATOR_REDIS_TLS_CA: ca,
        ORCHESTRATOR_REDIS_TLS_CERT: clientCert,
        ORCHESTRATOR_REDIS_TLS_KEY: clientKey,
      };
    },
  };
  /** What a sentinel asks for, and what is set for it. */
  const sentinels: Record<string, readonly [config: readonly string[], env: Environment]> = {
    'a sentinel': [[], {}],
    'a sentinel with a password': [['requirepass spw'], { ORCHESTRATOR_REDIS_SENTINEL_PASSWORD: 'spw' }],
    'a sentinel with users': [
      ['user default off', 'user metrics on >spw -@all +sentinel|get-master-addr-by-name'],
      { ORCHESTRATOR_REDIS_SENTINEL_USERNAME: 'metrics', ORCHESTRATOR_REDIS_SENTINEL_PASSWORD: 'spw' },
    ],
  };
  for (const [name, [config, env]] of Object.entries(sentinels)) {
    cases[name] = async (owner) => {
      const master = await startRedis(owner, { password: 'pw' });
      const port = await startLoneSentinel(owner, master, [...config, 'sentinel auth-pass mymaster pw']);
      return {
        ORCHESTRATOR_REDIS_MODE: 'sentinel',
        ORCHESTRATOR_REDIS_NODES: `127.0.0.1:${port}`,
        ORCHESTRATOR_REDIS_PASSWORD: 'pw',
        ...env,
      };
    };
  }
  cases['a sentinel that a URL names'] = async (owner) => ({
    ORCHESTRATOR_REDIS_MODE: 'sentinel',
    REDIS_URL: `redis://127.0.0.1:${await startLoneSentinel(owner, await startRedis(owner))}`,
  });
  cases['a sentinel and Redis with TLS'] = async (owner) => {
    const master = await startRedis(owner, { tls: true });
    const tls = [...tlsLines(master), 'tls-replication yes'];
    return {
      ORCHESTRATOR_REDIS_MODE: 'sentinel',
      ORCHESTRATOR_REDIS_NODES: `127.0.0.1:${await startLoneSentinel(owner, master, ['tls-port', ...tls])}`,
      ORCHESTRATOR_REDIS_TLS_CA: master.certificates.ca,
    };
  };
  cases['Redis with TLS and a sentinel without'] = async (owner) => {
    const master = await startRedis(owner, { tls: true });
    const tls = [...tlsLines(master), 'tls-replication yes'];
    return {
      ORCHESTRATOR_REDIS_MODE: 'sentinel',
      ORCHESTRATOR_REDIS_NODES: `127.0.0.1:${await startLoneSentinel(owner, master, tls)}`,
      ORCHESTRATOR_REDIS_TLS_CA: master.certificates.ca,
      ORCHESTRATOR_REDIS_SENTINEL_TLS: 'false',
    };
  };
  cases['a sentinel with TLS and Redis without'] = async (owner) => {
    const { certificates } = await startRedis(owner, { tls: true });
    const tls = ['tls-port', ...tlsLines({ certificates })];
    return {
      ORCHESTRATOR_REDIS_MODE: 'sentinel',
      ORCHESTRATOR_REDIS_NODES: `127.0.0.1:${await startLoneSentinel(owner, await startRedis(owner), tls)}`,
      ORCHESTRATOR_REDIS_SENTINEL_TLS: 'true',
      ORCHESTRATOR_REDIS_TLS_VERIFY: 'false',
    };
  };
  for (const [name, start] of Object.entries(cases)) {
    test(name, async (t) => {
      const nodeWarnings: string[] = [];
      const listener = (warning: Error): number => nodeWarnings.push(warning.message);
      process.on('warning', listener);
      t.after(() => process.removeListener('warning', listener));
      await useAll(t, await start(t));
      assert.deepEqual(nodeWarnings, []);
    });
  }
});

describe('a store that cannot be used says why, without secrets:', () => {
  const secret = 'hunter2-Very-Secret';
  const assertFailure = async (
    t: TestContext,
    env: Environment,
    code: string,
    pattern: RegExp,
  ): Promise<void> => {
    const store = open(t, env);
    const error = await failure(store);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    const everything = inspect(error, { depth: Infinity, showHidden: true }) + store.description;
    assert.ok(!everything.includes(secret), everything);
  };

  test('wrong password', async (t) => {
    const { port } = await startRedis(t, { password: 'right' });
    for (const url of [
      `redis://:${secret}@127.0.0.1:${port}`,
      `redis://someone:${secret}@127.0.0.1:${port}`,
    ]) {
      await assertFailure(
        t,
        { REDIS_URL: url },
        'ORCHESTRATOR_STORE_REFUSED',
        /^redis 127\.0\.0\.1:\d+: WRONGPASS.*ORCHESTRATOR_REDIS_PASSWORD\.$/,
      );
    }
  });

  test('no password', async (t) => {
    const { port } = await startRedis(t, { password: secret });
    const url = `redis://127.0.0.1:${port}`;
    await assertFailure(
      t,
      { REDIS_URL: url },
      'ORCHESTRATOR_STORE_REFUSED',
      /NOAUTH.*ORCHESTRATOR_REDIS_PASSWORD/,
    );
  });

  test('a user without permission', async (t) => {
    const redis = await startRedis(t, { users: [`other on >${secret} ~other:* +@all`] });
    await assertFailure(
      t,
      { REDIS_URL: redis.urlFor('other', secret) },
      'ORCHESTRATOR_STORE_REFUSED',
      /NOPERM.*~orchestrator:\{prefix\}:\*/,
    );
  });

  test('unknown host', async (t) => {
    const url = `redis://user:${secret}@no-such-host.invalid:6379`;
    await assertFailure(
      t,
      { REDIS_URL: url },
      'ORCHESTRATOR_STORE_UNAVAILABLE',
      /^redis no-such-host\.invalid:6379: .*ORCHESTRATOR_REDIS_URL/,
    );
  });

  test('nobody listens, at one address or at several of a name', async (t) => {
    const port = await freePort();
    for (const host of ['127.0.0.1', 'localhost']) {
      await assertFailure(
        t,
        { REDIS_URL: `redis://:${secret}@${host}:${port}` },
        'ORCHESTRATOR_STORE_UNAVAILABLE',
        /ECONNREFUSED/,
      );
    }
    const missing = { REDIS_URL: 'unix:///nowhere/r.sock' };
    await assertFailure(t, missing, 'ORCHESTRATOR_STORE_UNAVAILABLE', /^redis \/nowhere\/r\.sock: .*ENOENT/);
  });

  test('a database that does not exist', async (t) => {
    const { url } = await startRedis(t);
    const env = { REDIS_URL: `${url}/99` };
    await assertFailure(t, env, 'ORCHESTRATOR_STORE_REFUSED', /DB index.*ORCHESTRATOR_REDIS_URL/);
  });

  test('a certificate of an unknown authority', async (t) => {
    const { url } = await startRedis(t, { tls: true });
    await assertFailure(
      t,
      { REDIS_URL: url },
      'ORCHESTRATOR_STORE_REFUSED',
      /certificate.*ORCHESTRATOR_REDIS_TLS_CA/,
    );
  });

  test('a certificate for another name', async (t) => {
    const { url, certificates } = await startRedis(t, { tls: true, names: 'DNS:redis.example' });
    await assertFailure(
      t,
      { REDIS_URL: url, ORCHESTRATOR_REDIS_TLS_CA: certificates.ca },
      'ORCHESTRATOR_STORE_REFUSED',
      /altnames.*ORCHESTRATOR_REDIS_TLS_SERVERNAME/,
    );
  });

  for (const [name, given] of Object.entries({
    'a wrong password': { ORCHESTRATOR_REDIS_SENTINEL_PASSWORD: secret },
    'no password': {},
    'an unknown user': {
      ORCHESTRATOR_REDIS_SENTINEL_USERNAME: 'nobody',
      ORCHESTRATOR_REDIS_SENTINEL_PASSWORD: secret,
    },
  })) {
    test(`a sentinel, ${name}`, async (t) => {
      const port = await startLoneSentinel(t, await startRedis(t), ['requirepass right']);
      const nodes = `127.0.0.1:${port},127.0.0.1:${await freePort()}`;
      await assertFailure(
        t,
        { ORCHESTRATOR_REDIS_MODE: 'sentinel', ORCHESTRATOR_REDIS_NODES: nodes, ...given },
        'ORCHESTRATOR_STORE_REFUSED',
        new RegExp(
          `^The sentinel 127\\.0\\.0\\.1:${port}: (?:WRONGPASS|NOAUTH).*ORCHESTRATOR_REDIS_SENTINEL_PASSWORD\\.$`,
        ),
      );
    });
  }

  test('Redis behind a sentinel, wrong password', async (t) => {
    const master = await startRedis(t, { password: 'right' });
    const port = await startLoneSentinel(t, master, ['sentinel auth-pass mymaster right']);
    await assertFailure(
      t,
      {
        ORCHESTRATOR_REDIS_MODE: 'sentinel',
        ORCHESTRATOR_REDIS_NODES: `127.0.0.1:${port}`,
        ORCHESTRATOR_REDIS_PASSWORD: secret,
      },
      'ORCHESTRATOR_STORE_REFUSED',
      /^redis sentinel .*WRONGPASS.*ORCHESTRATOR_REDIS_PASSWORD\.$/,
    );
  });

  test('a file that cannot be read', (t) => {
    const env = { REDIS_URL: 'rediss://127.0.0.1', ORCHESTRATOR_REDIS_TLS_CA: '/nowhere/ca.pem' };
    assert.throws(() => open(t, env), {
      code: 'ORCHESTRATOR_INVALID_SETTING',
      message: /^ORCHESTRATOR_REDIS_TLS_CA=\/nowhere\/ca\.pem cannot be read: ENOENT/,
    });
  });

  test('a mode without nodes, and nodes without a mode', (t) => {
    for (const mode of ['sentinel', 'cluster']) {
      // Not the local store, in which each host would be alone without a word.
      for (const store of ['', 'redis']) {
        assert.throws(() => open(t, { ORCHESTRATOR_STORE: store, ORCHESTRATOR_REDIS_MODE: mode }), {
          code: 'ORCHESTRATOR_INVALID_SETTING',
          message: new RegExp(`ORCHESTRATOR_REDIS_MODE=${mode} needs ORCHESTRATOR_REDIS_NODES`),
        });
      }
    }
    assert.throws(() => open(t, { ORCHESTRATOR_REDIS_NODES: '10.0.0.1:6379,10.0.0.2:6379' }), {
      code: 'ORCHESTRATOR_INVALID_SETTING',
      message: /ORCHESTRATOR_REDIS_NODES.*ORCHESTRATOR_REDIS_MODE/,
    });
  });
});

/** Whoever sets one of these wants a Redis, and would not notice that each host has a sum of its own. */
describe('a setting of Redis without an address', () => {
  const settings = {
    ORCHESTRATOR_REDIS_USERNAME: 'user',
    ORCHESTRATOR_REDIS_PASSWORD: 'S3CR3T',
    ORCHESTRATOR_REDIS_SENTINEL_NAME: 'main',
    ORCHESTRATOR_REDIS_SENTINEL_USERNAME: 'user',
    ORCHESTRATOR_REDIS_SENTINEL_PASSWORD: 'S3CR3T',
    ORCHESTRATOR_REDIS_SENTINEL_TLS: 'true',
    ORCHESTRATOR_REDIS_TLS_CA: '/ca.pem',
    ORCHESTRATOR_REDIS_TLS_CERT: '/cert.pem',
    ORCHESTRATOR_REDIS_TLS_KEY: '/key.pem',
    ORCHESTRATOR_REDIS_TLS_SERVERNAME: 'redis.example',
    ORCHESTRATOR_REDIS_TLS_VERIFY: 'false',
  };
  for (const [variable, value] of Object.entries(settings)) {
    test(`${variable} is refused, and no store is opened`, (t) => {
      assert.throws(() => open(t, { [variable]: value }), {
        code: 'ORCHESTRATOR_INVALID_SETTING',
        message: new RegExp(`^${variable} needs the address of a Redis: set ORCHESTRATOR_REDIS_URL`),
      });
      assert.equal(open(t, { [variable]: value, ORCHESTRATOR_STORE: 'memory' }).description, 'memory');
    });
  }
});

describe('a certificate that a service signs itself, for another name,', () => {
  const server = startRedis({ after }, { tls: true, names: 'DNS:redis.example' });
  const gives: Readonly<Record<string, readonly [env: Environment, warnings: readonly RegExp[]]>> = {
    'is accepted by its name': [
      { ORCHESTRATOR_REDIS_TLS_SERVERNAME: 'redis.example' },
      [
        /^ORCHESTRATOR_TLS_OTHER_NAME ORCHESTRATOR_REDIS_TLS_SERVERNAME=redis\.example: .* can pose as Redis\.$/,
      ],
    ],
    'is accepted unseen': [
      { ORCHESTRATOR_REDIS_TLS_CA: '', ORCHESTRATOR_REDIS_TLS_VERIFY: 'false' },
      [/^ORCHESTRATOR_TLS_NOT_VERIFIED ORCHESTRATOR_REDIS_TLS_VERIFY=false: .* pose as Redis.*password\.$/],
    ],
  };
  for (const [name, [env, warnings]] of Object.entries(gives)) {
    test(`${name}, and what that gives up is said`, async (t) => {
      const { url, certificates } = await server;
      const said: string[] = [];
      const warn: Warn = (message, code) => said.push(`${code} ${message}`);
      const settings = { REDIS_URL: url, ORCHESTRATOR_REDIS_TLS_CA: certificates.ca, ...env };
      const one = new Instance(open(t, settings, { warn, prefix: name }), []);
      await one.send({ deltas: [added(requests, add(series(), 1))] });
      await assertValues(one, { requests: { '': [1] } });
      assert.equal(said.length, warnings.length);
      for (const [index, warning] of warnings.entries()) assert.match(said[index] ?? '', warning);
    });
  }

  test('is refused under a name that it is not for', async (t) => {
    const { url, certificates } = await server;
    const store = open(t, {
      REDIS_URL: url,
      ORCHESTRATOR_REDIS_TLS_CA: certificates.ca,
      ORCHESTRATOR_REDIS_TLS_SERVERNAME: 'else.example',
    });
    assert.match((await failure(store)).message, /else\.example/);
  });
});

describe('projects that share a Redis', () => {
  const server = startRedis({ after });

  test('data of another schema are refused by every call but the one that deletes them, and nothing of them is touched', async (t) => {
    const redis = await server;
    const client = redis.client();
    const env = { REDIS_URL: redis.url };
    await new Instance(open(t, env), []).send({ deltas: [added(requests, add(series(), 1))] });
    await client.hset('orchestrator:{shop}:project', 'schema', '999');
    const content = async () =>
      Promise.all(
        (await redis.keys()).map(async (key) => [key, (await client.dumpBuffer(key)).toString('hex')]),
      );
    const before = await content();
    const late = new Instance(open(t, env), []);
    const mismatch = { code: 'ORCHESTRATOR_SCHEMA_MISMATCH', message: /"999".*ORCHESTRATOR_PREFIX/ };
    await assert.rejects(late.send({ deltas: [added(requests, add(series(), 1))] }), mismatch);
    for (const call of ['snapshot', 'sweep', 'endLease'] as const)
      await assert.rejects(late.store[call](), mismatch);
    assert.deepEqual(await content(), before);
    await late.store.wipe();
    await late.send({ deltas: [added(requests, add(series(), 1))] });
    await client.flushall();
  });

  test('the discovery of projects is a key of all, where that is allowed', async (t) => {
    const redis = await server;
    const a = new Instance(open(t, { REDIS_URL: redis.url }), []);
    await a.send({});
    await a.store.sweep();
    await eventually(async () =>
      assert.deepEqual(await redis.client().zrange('orchestrator:projects', '0', '-1'), ['shop']),
    );
  });
});
