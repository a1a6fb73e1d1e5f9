import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { eventually } from '../local/daemon.js';
import { freePort } from '../local/ports.js';
import { RedisNode, startRedisCluster } from '../local/redis-servers.js';
import { readSettings } from '../src/config/read-settings.js';
import { REPLICA_SETTINGS, SETTINGS } from '../src/config/settings.js';
import { VersionConflictError } from '../src/database/database-errors.js';
import { portsOfReads, startApi, type Reply, type TestApi } from './support/api.js';
import { fakeService, silentServer, type FakeService } from './support/fakes.js';
import { scratchFolder } from '../local/scratch.js';
import { freshDatabase } from './support/shared-servers.js';

/** Every variable of the table has a test here, but one that needs replicas that lag: replication.test.ts. */
type Name = Exclude<keyof typeof SETTINGS, 'dbMaxReplicaLag'>;

let base: Record<string, string>;
const dir = scratchFolder();
const ends: Array<() => Promise<unknown>> = [];
before(async () => {
  base = await freshDatabase();
});
after(async () => {
  await Promise.all(ends.map((end) => end()));
  rmSync(dir, { recursive: true, force: true });
});

/** A service with some variables, on the database of this file. */
async function withEnv(env: Record<string, string>, work: (api: TestApi) => Promise<void>): Promise<void> {
  const api = await startApi(env, base);
  try {
    await work(api);
  } finally {
    await api.service.close();
  }
}

async function ask<Value>(api: TestApi, expression: string): Promise<Value | undefined> {
  return api.service.services.database.reader.read('test', 'primary', async (client) => {
    const { rows } = await client.query<{ value: Value }>(`SELECT ${expression} AS value`);
    return rows[0]?.value;
  });
}

const sleepInDatabase = (api: TestApi, seconds: number): Promise<unknown> => ask(api, `pg_sleep(${seconds})`);
const serverOf = (api: TestApi): TestApi['service']['services']['database']['manager']['servers'][number] => {
  const [server] = api.service.services.database.manager.servers;
  assert.ok(server !== undefined);
  return server;
};

const EFFECTS: Readonly<Record<Name, () => Promise<void>>> = {
  host: async () =>
    withEnv({ HOST: '127.0.0.2' }, async ({ service }) => {
      assert.equal((service.app.server.address() as { address: string }).address, '127.0.0.2');
    }),
  port: async () => {
    const port = await freePort();
    await withEnv({ PORT: String(port) }, async () => {
      assert.equal((await fetch(`http://127.0.0.1:${port}/health/live`)).status, 200);
    });
  },
  logLevel: async () =>
    withEnv({ LOG_LEVEL: 'silent' }, async ({ service }) => assert.equal(service.app.log.level, 'silent')),

  dbHost: async () =>
    withEnv({ DB_HOST: '127.0.0.9' }, async (api) => assert.equal(serverOf(api).status.up, false)),
  dbPort: async () =>
    withEnv({ DB_PORT: String(await freePort()) }, async (api) =>
      assert.equal(serverOf(api).status.up, false),
    ),
  dbUser: async () =>
    withEnv({}, async (api) => {
      await api.sql('DROP ROLE IF EXISTS someone; CREATE ROLE someone LOGIN');
      await withEnv({ DB_USER: 'someone' }, async (other) =>
        assert.equal(await ask(other, 'current_user'), 'someone'),
      );
    }),
  dbPassword: async () => {
    const sent = new Promise<string>((resolve) => {
      void silentServer((socket) => askForPassword(socket, resolve)).then(async (port) =>
        withEnv(
          { DB_PORT: String(port), DB_PASSWORD: 'open sesame', DB_CONNECT_TIMEOUT_MS: '2000' },
          async () => undefined,
        ),
      );
    });
    assert.equal(await sent, 'open sesame');
  },
  dbName: async () =>
    withEnv({}, async (api) => assert.equal(await ask(api, 'current_database()'), base['DB_NAME'])),
  dbMaxOpen: async () =>
    withEnv({ DB_MAX_OPEN_CONNS: '2', DB_MAX_IDLE_CONNS: '2' }, async (api) => {
      const work = Array.from({ length: 5 }, () => sleepInDatabase(api, 0.3));
      await eventually(async () => assert.equal(serverOf(api).connections.waiting, 3));
      assert.equal(serverOf(api).connections.used, 2);
      await Promise.all(work);
    }),
  dbMaxIdle: async () =>
    withEnv({ DB_MAX_IDLE_CONNS: '1' }, async (api) => {
      const work = Array.from({ length: 5 }, () => sleepInDatabase(api, 0.3));
      await eventually(async () => assert.ok(serverOf(api).connections.used > 1));
      await Promise.all(work);
      assert.ok(serverOf(api).connections.idle <= 1, JSON.stringify(serverOf(api).connections));
    }),
  dbMaxLifetime: async () =>
    withEnv({ DB_CONN_MAX_LIFETIME: '1' }, async (api) => {
      const first = await ask(api, 'pg_backend_pid()');
      await eventually(async () => assert.notEqual(await ask(api, 'pg_backend_pid()'), first));
    }),
  dbConnectTimeout: async () => {
    // The start waits for the first look at each server, and that for this long.
    const port = await silentServer();
    const start = async (milliseconds: number): Promise<void> =>
      withEnv({ DB_PORT: String(port), DB_CONNECT_TIMEOUT_MS: String(milliseconds) }, async (api) =>
        assert.equal(serverOf(api).status.up, false),
      );
    await shorterAndLonger(start, 100, 3000);
  },
  dbQueryTimeout: async () => {
    const sleepFor = async (milliseconds: number): Promise<void> =>
      withEnv({ DB_QUERY_TIMEOUT_MS: String(milliseconds), RETRY_MAX_ATTEMPTS: '0' }, async (api) =>
        assert.rejects(sleepInDatabase(api, 30), /timeout/),
      );
    await shorterAndLonger(sleepFor, 300, 3000);
  },
  dbProbeInterval: async () => {
    await withEnv({ DB_PROBE_INTERVAL_MS: '20' }, async (api) => {
      const { status } = serverOf(api);
      await eventually(async () => assert.notEqual(serverOf(api).status, status));
    });
    await withEnv({ DB_PROBE_INTERVAL_MS: '3600000' }, async (api) => {
      const { status } = serverOf(api);
      await sleep(1000);
      assert.equal(serverOf(api).status, status);
    });
  },

  redisHost: async () =>
    withEnv({ REDIS_HOST: '127.0.0.9', REDIS_READ_HOST: '' }, async (api) =>
      assert.rejects(api.service.services.cache.stats()),
    ),
  redisPort: async () =>
    withEnv({ REDIS_PORT: String(await freePort()), REDIS_READ_HOST: '' }, async (api) =>
      assert.rejects(api.service.services.cache.stats()),
    ),
  redisPassword: async () => {
    const node = new RedisNode('locked', await freePort(), join(dir, 'locked'));
    await node.start();
    ends.push(() => node.stop('SIGKILL'));
    const client = node.client();
    await client.config('SET', 'requirepass', 'open sesame');
    client.disconnect();
    const env = { REDIS_PORT: String(node.port), REDIS_READ_HOST: '' };
    await withEnv(env, async (api) => assert.rejects(api.service.services.cache.stats()));
    await withEnv({ ...env, REDIS_PASSWORD: 'open sesame' }, async (api) => {
      assert.equal((await api.service.services.cache.stats()).entries, 0);
    });
  },
  redisReadHost: async () => readsFromReplica(),
  redisReadPort: async () => readsFromReplica(),
  redisCluster: async () => {
    const nodes = await startRedisCluster(dir);
    ends.push(() => Promise.all(nodes.map((node) => node.stop('SIGKILL'))));
    await withEnv(
      { REDIS_PORT: String(nodes[0]?.port), REDIS_CLUSTER: 'true', REDIS_READ_HOST: '' },
      async (api) => {
        const { cache } = api.service.services;
        await eventually(async () => {
          for (let id = 1; id <= 30; id++) await cache.put('user', id, 1, { id });
          assert.deepEqual(await cache.get('user', 30), { id: 30 });
          // Their keys are on all three nodes.
          assert.equal((await cache.keys('user:*')).keys.length, 30);
        });
        const admin = await api.admin();
        assert.equal((await api.call('POST', '/api/cache/warmup', admin.key)).status, 200);
        assert.equal((await cache.invalidate('*')) > 30, true);
        assert.equal((await cache.stats()).entries, 0);
      },
    );
  },
  redisPoolSize: async () =>
    withEnv({ REDIS_POOL_SIZE: '3', REDIS_MIN_IDLE_CONNS: '1' }, async (api) => {
      const { cache } = api.service.services;
      await Promise.all(Array.from({ length: 20 }, (_, id) => cache.get('user', id)));
      assert.equal(cache.connections, 3);
    }),
  redisMinIdle: async () =>
    withEnv({ REDIS_MIN_IDLE_CONNS: '7' }, async (api) =>
      assert.ok(api.service.services.cache.connections >= 7),
    ),
  redisTimeout: async () => {
    const port = await silentServer();
    const read = async (milliseconds: number): Promise<void> =>
      withEnv(
        {
          REDIS_PORT: String(port),
          REDIS_TIMEOUT_MS: String(milliseconds),
          REDIS_READ_HOST: '',
          CB_EXTERNAL_FAILURES: '1000',
        },
        async (api) => assert.equal(await api.service.services.cache.get('user', 1), undefined),
      );
    await shorterAndLonger(read, 50, 2000);
  },
  redisKeyPrefix: async () =>
    withEnv({ REDIS_KEY_PREFIX: 'other:' }, async (api) => {
      await api.service.services.cache.put('user', 77, 1, {});
      await withEnv({}, async (own) =>
        assert.equal(await own.service.services.cache.get('user', 77), undefined),
      );
      await withEnv({ REDIS_KEY_PREFIX: 'other:' }, async (same) =>
        assert.deepEqual(await same.service.services.cache.get('user', 77), {}),
      );
    }),
  cacheTtl: async () =>
    withEnv({ CACHE_TTL: '1' }, async (api) => {
      const { cache } = api.service.services;
      await cache.put('user', 78, 1, {});
      assert.deepEqual(await cache.get('user', 78), {});
      await eventually(async () => assert.equal(await cache.get('user', 78), undefined));
    }),

  lbEnabled: async () => {
    assert.deepEqual(await callsOf({ LB_ENABLED: 'false' }), [4, 0]);
    assert.deepEqual(await callsOf({ LB_ENABLED: 'true' }), [2, 2]);
  },
  lbAlgorithm: async () => {
    assert.deepEqual(
      await callsOf({ LB_ENABLED: 'true', LB_ALGORITHM: 'weighted_round_robin' }, [3, 1]),
      [3, 1],
    );
    assert.deepEqual(await callsOf({ LB_ENABLED: 'true', LB_ALGORITHM: 'round_robin' }, [3, 1]), [2, 2]);
    await leastConnections();
    await atRandom();
  },
  lbHealthCheckPath: async () => {
    const one = await fakeService();
    await withEnv(
      { LB_ENABLED: 'true', FRAUD_CHECK_URLS: one.url, LB_HEALTH_CHECK_PATH: '/well' },
      async () => undefined,
    );
    assert.deepEqual(one.paths, ['/well']);
  },
  lbHealthCheckInterval: async () => {
    const one = await fakeService();
    await withEnv(
      { LB_ENABLED: 'true', FRAUD_CHECK_URLS: one.url, LB_HEALTH_CHECK_INTERVAL: '1' },
      async (api) => {
        const healthy = (): boolean | undefined => api.service.services.balancer.targets[0]?.healthy;
        assert.equal(healthy(), true);
        one.status = 500;
        // By default the first check after that at the start comes after 30 s.
        await eventually(async () => assert.equal(healthy(), false), 15);
        one.status = 200;
        await eventually(async () => assert.equal(healthy(), true), 10);
      },
    );
  },
  fraudUrls: async () => {
    const one = await fakeService();
    one.approved = false;
    await withEnv({ FRAUD_CHECK_URLS: one.url }, async (api) => {
      const ann = await api.rich(10);
      const refused = await api.call('POST', '/api/transactions/withdraw', ann.key, {
        user_id: ann.id,
        amount: 1,
      });
      assert.equal(refused.body['type'], 'urn:payflow:problem:fraud-suspected');
    });
  },
  fraudTimeout: async () => {
    const one = await fakeService();
    const release = one.hold();
    const check = async (milliseconds: number): Promise<void> =>
      withEnv(
        {
          FRAUD_CHECK_URLS: one.url,
          FRAUD_CHECK_TIMEOUT_MS: String(milliseconds),
          RETRY_MAX_ATTEMPTS: '0',
          CB_EXTERNAL_FAILURES: '1000',
        },
        async (api) => {
          const ann = await api.rich(1000);
          const pay = (amount: number): Promise<Reply> =>
            api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount });
          assert.equal((await pay(101)).status, 503);
        },
      );
    // The time also has to come when garbage is collected meanwhile.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const timer = setInterval(collect, 300);
    try {
      await shorterAndLonger(check, 50, 3000);
    } finally {
      clearInterval(timer);
      release();
    }
  },
  fraudDefaultLimit: async () => {
    const one = await fakeService();
    one.status = 500;
    await withEnv(
      { FRAUD_CHECK_URLS: one.url, FRAUD_CHECK_DEFAULT_LIMIT: '5', RETRY_MAX_ATTEMPTS: '0' },
      async (api) => {
        const ann = await api.rich(1000);
        const pay = (amount: number): Promise<{ status: number }> =>
          api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount });
        assert.equal((await pay(5)).status, 201);
        assert.equal((await pay(5.01)).status, 503);
        assert.equal(api.service.services.fallbacks.counts.default_fraud_decision, 2);
      },
    );
  },

  cbDatabaseFailures: async () => databaseBreakerOpensAfter(3),
  cbDatabaseReset: async () =>
    withEnv(
      { CB_DATABASE_FAILURES: '1', CB_DATABASE_RESET_MS: '50', DB_PROBE_INTERVAL_MS: '3600000' },
      async (api) => {
        const { breaker } = serverOf(api);
        await assert.rejects(breaker.execute(unreachable));
        assert.equal(breaker.state, 'open');
        // By default it would be open for longer.
        await eventually(async () => breaker.execute(async () => undefined), 1.5);
        assert.equal(breaker.state, 'closed');
      },
    ),
  cbExternalFailures: async () => {
    const one = await fakeService();
    one.status = 500;
    await withEnv(
      { FRAUD_CHECK_URLS: one.url, CB_EXTERNAL_FAILURES: '2', RETRY_MAX_ATTEMPTS: '0' },
      async (api) => {
        const ann = await api.rich(1000);
        const pay = (): Promise<unknown> =>
          api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 1 });
        for (let n = 0; n < 5; n++) await pay();
        assert.equal(one.paths.length, 2, 'an open breaker asks no more');
      },
    );
  },
  cbExternalReset: async () => {
    const one = await fakeService();
    one.status = 500;
    const env = {
      FRAUD_CHECK_URLS: one.url,
      CB_EXTERNAL_FAILURES: '1',
      CB_EXTERNAL_RESET_MS: '50',
      RETRY_MAX_ATTEMPTS: '0',
    };
    await withEnv(env, async (api) => {
      const ann = await api.rich(1000);
      const pay = (): Promise<unknown> =>
        api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 1 });
      await pay();
      one.status = 200;
      // By default it would be open for 5 s.
      await eventually(async () => {
        await pay();
        assert.ok(one.paths.length > 1);
      }, 3);
    });
  },
  retryAttempts: async () => {
    assert.equal((await waitsOfConflict({ RETRY_MAX_ATTEMPTS: '0' })).length, 0);
    assert.equal((await waitsOfConflict({ RETRY_MAX_ATTEMPTS: '4' })).length, 4);
  },
  retryBaseDelay: async () => {
    const sumOf = (waits: readonly number[]): number => waits.reduce((sum, wait) => sum + wait, 0);
    const short = await waitsOfConflict({ RETRY_MAX_ATTEMPTS: '8', RETRY_BASE_DELAY_MS: '10' });
    const long = await waitsOfConflict({ RETRY_MAX_ATTEMPTS: '8', RETRY_BASE_DELAY_MS: '400' });
    assert.ok(sumOf(long) > sumOf(short), `${String(long)} and ${String(short)}`);
    assert.ok(sumOf(long.slice(0, 3)) > 300, String(long));
    // They grow, whatever the jitter adds: 10, 20, 40 and 320, 500, 500 on average.
    assert.ok(sumOf(short.slice(-3)) > 3 * sumOf(short.slice(0, 3)), String(short));
  },

  workerPoolSize: async () =>
    withEnv({ WORKER_POOL_SIZE: '2' }, async (api) => {
      const { workers } = api.service.services;
      const done = workers.run(Array.from({ length: 5 }, () => async () => sleep(50)));
      assert.deepEqual([workers.active, workers.waiting], [2, 3]);
      await done;
    }),
  workerQueueLimit: async () =>
    withEnv({ WORKER_POOL_QUEUE_LIMIT: '2' }, async (api) => {
      const ann = await api.rich(10);
      const item = { sender_id: ann.id, receiver_id: ann.id, amount: 1 };
      const reply = await api.call('POST', '/api/transactions/batch', ann.key, {
        transactions: [item, item, item],
      });
      assert.deepEqual([reply.status, reply.headers['retry-after']], [503, '2']);
    }),

  defaultCurrency: async () =>
    withEnv({ DEFAULT_CURRENCY: 'CHF' }, async (api) => {
      const ann = await api.person();
      const reply = await api.call('POST', `/api/balances/initialize?user_id=${ann.id}`, ann.key);
      assert.equal(reply.body['currency'], 'CHF');
    }),
  maxAmount: async () =>
    withEnv({ MAX_AMOUNT: '50' }, async (api) => {
      const ann = await api.rich(50);
      const reply = await api.call('POST', '/api/transactions/deposit', ann.key, {
        user_id: ann.id,
        amount: 50.01,
      });
      assert.equal(reply.body['type'], 'urn:payflow:problem:invalid-amount');
    }),
  snapshotEvery: async () =>
    withEnv({ SNAPSHOT_EVERY: '3' }, async (api) => {
      const ann = await api.rich(1);
      for (let n = 0; n < 5; n++)
        await api.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
      const rows = await api.sql<{ version: string }>(
        `SELECT version FROM snapshots JOIN accounts ON id = account_id WHERE user_id = ${ann.id} AND kind = 'wallet' ORDER BY 1`,
      );
      assert.deepEqual(
        rows.map(({ version }) => version),
        ['3', '6'],
      );
    }),
  ledgerCheckInterval: async () =>
    withEnv({ LEDGER_CHECK_INTERVAL: '1' }, async (api) => {
      let checks = 0;
      const { reader } = api.service.services.database;
      const read = reader.read.bind(reader);
      reader.read = async (operation, position, work) => {
        if (operation === 'ledger_check') checks++;
        return read(operation, position, work);
      };
      // By default there is one at the start, and the next one after 30 s.
      await eventually(async () => assert.ok(checks >= 2), 15);
    }),
  outboxInterval: async () => {
    const waiting = async (api: TestApi): Promise<number> => (await api.sql('SELECT 1 FROM outbox')).length;
    await withEnv({ OUTBOX_INTERVAL_MS: '3600000' }, async (api) => {
      await api.rich(1);
      // By default they would be gone by then.
      await sleep(1500);
      assert.ok((await waiting(api)) > 0);
    });
    await withEnv({ OUTBOX_INTERVAL_MS: '50' }, async (api) =>
      eventually(async () => assert.equal(await waiting(api), 0)),
    );
  },
  apiKeyTtl: async () =>
    withEnv({ API_KEY_TTL_DAYS: '2' }, async (api) => {
      const ann = await api.person();
      const { body } = await api.call<{ expires_at: string }>('POST', '/api/users/api-key', ann.key);
      assert.equal(Math.round((Date.parse(body.expires_at) - Date.now()) / 86_400_000), 2);
      const key = String((body as { api_key?: string }).api_key);
      const read = async (): Promise<number> => (await api.call('GET', `/api/users/${ann.id}`, key)).status;
      assert.equal(await read(), 200);
      await api.sql(`UPDATE api_keys SET expires_at = now() WHERE user_id = ${ann.id}`);
      // Its replicas hear of it in a moment.
      await eventually(async () => assert.equal(await read(), 401));
    }),
  idempotencyTtl: async () =>
    withEnv({ IDEMPOTENCY_TTL_HOURS: '5' }, async (api) => {
      const ann = await api.person();
      for (const hours of [4, 6])
        await api.sql(
          `INSERT INTO idempotency_keys VALUES (${ann.id}, 'k${hours}', '', 200, '', now() - interval '${hours} hours')`,
        );
      assert.equal(await api.service.background.forgetKeysNow(), 1);
      const rows = await api.sql<{ key: string }>(
        `SELECT key FROM idempotency_keys WHERE user_id = ${ann.id}`,
      );
      assert.deepEqual(rows, [{ key: 'k4' }]);
    }),
  scryptCost: async () =>
    withEnv({ PASSWORD_SCRYPT_COST: '11' }, async (api) => {
      const ann = await api.person();
      const [row] = await api.sql<{ password_hash: string }>(
        `SELECT password_hash FROM users WHERE id = ${ann.id}`,
      );
      assert.match(row?.password_hash ?? '', /^scrypt\$11\$/);
    }),
};

async function readsFromReplica(): Promise<void> {
  await withEnv({}, async (api) => {
    const { cache } = api.service.services;
    await cache.put('user', 55, 1, { from: 'replica' });
    await withEnv({ REDIS_PORT: String(await freePort()), REDIS_TIMEOUT_MS: '500' }, async (other) => {
      await eventually(async () =>
        assert.deepEqual(await other.service.services.cache.get('user', 55), { from: 'replica' }),
      );
      assert.ok((other.service.services.fallbacks.counts.redis_replica ?? 0) > 0);
    });
  });
}

/** How four withdrawals were spread over two instances of the fraud check. */
async function callsOf(env: Record<string, string>, weights = [1, 1]): Promise<number[]> {
  const services = [await fakeService(), await fakeService()];
  const urls = services.map(({ url }, index) => `${url}=${weights[index]}`).join(',');
  await withEnv({ ...env, FRAUD_CHECK_URLS: urls }, async (api) => {
    const ann = await api.rich(10);
    for (let n = 0; n < 4; n++)
      await api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 1 });
  });
  return services.map((service) => checksOf(service).length);
}

/** While one of two instances does not answer, all other calls go to the other one; in turn, each would get its share. */
async function leastConnections(): Promise<void> {
  const [slow, fast] = [await fakeService(), await fakeService()];
  const env = {
    LB_ENABLED: 'true',
    LB_ALGORITHM: 'least_connections',
    FRAUD_CHECK_URLS: `${slow.url},${fast.url}`,
    FRAUD_CHECK_TIMEOUT_MS: '60000',
  };
  await withEnv(env, async (api) => {
    const ann = await api.rich(10);
    const pay = async (): Promise<number> =>
      (await api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 1 })).status;
    const release = slow.hold();
    const first = pay();
    await eventually(async () => assert.deepEqual(checksOf(slow), ['/check']));
    for (let n = 0; n < 4; n++) assert.equal(await pay(), 201);
    assert.deepEqual([checksOf(slow).length, checksOf(fast).length], [1, 4]);
    release();
    assert.equal(await first, 201);
  });
}

/** Both are called, and not in strict turn: by chance that would happen once in 10^11 times. */
async function atRandom(): Promise<void> {
  const services = [await fakeService(), await fakeService()];
  const env = {
    LB_ENABLED: 'true',
    LB_ALGORITHM: 'random',
    FRAUD_CHECK_URLS: services.map(({ url }) => url).join(','),
  };
  await withEnv(env, async (api) => {
    const ann = await api.rich(10);
    const order: boolean[] = [];
    const counts = (): number[] => services.map((service) => checksOf(service).length);
    for (let n = 1; n <= 40; n++) {
      const [first = 0] = counts();
      await api.call('POST', '/api/transactions/withdraw', ann.key, { user_id: ann.id, amount: 0.01 });
      const [one = 0, two = 0] = counts();
      assert.equal(one + two, n);
      order.push(one === first);
    }
    assert.equal(new Set(order).size, 2);
    assert.ok(order.some((second, index) => index > 0 && second === order[index - 1]));
  });
}

function checksOf({ paths }: FakeService): string[] {
  return paths.filter((path) => path === '/check');
}

/**
 * Waits for `work` with a short time and with a long one: if the variable had no effect, both would take as long as its default,
 * and one of the two bounds would not hold.
 */
async function shorterAndLonger(
  work: (milliseconds: number) => Promise<void>,
  shorter: number,
  longer: number,
): Promise<void> {
  const timed = async (milliseconds: number): Promise<number> => {
    const start = performance.now();
    await work(milliseconds);
    return performance.now() - start;
  };
  const [short, long] = [await timed(shorter), await timed(longer)];
  // Timers are some milliseconds early at times.
  assert.ok(long >= longer - 50, `${longer} ms: it took ${long}`);
  assert.ok(short < longer - 50, `${shorter} ms: it took ${short}`);
}

async function databaseBreakerOpensAfter(failures: number): Promise<void> {
  await withEnv({ CB_DATABASE_FAILURES: String(failures) }, async (api) => {
    const { breaker } = serverOf(api);
    for (let n = 1; n <= failures; n++) {
      assert.equal(breaker.state, 'closed', `after ${n - 1} failures`);
      await assert.rejects(breaker.execute(unreachable));
    }
    assert.equal(breaker.state, 'open');
  });
}

async function unreachable(): Promise<never> {
  throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
}

/** Milliseconds between the tries of a transaction that always meets another one. */
async function waitsOfConflict(env: Record<string, string>): Promise<number[]> {
  const tries: number[] = [];
  await withEnv(env, async (api) => {
    const work = async (): Promise<never> => {
      tries.push(performance.now());
      throw new VersionConflictError('always');
    };
    await assert.rejects(api.service.services.database.writer.write('test', work), VersionConflictError);
  });
  return tries.slice(1).map((at, index) => at - (tries[index] ?? at));
}

/** What PostgreSQL says when it wants a password in clear; the client sends `p`, a length, the password and a zero. */
function askForPassword(socket: Socket, answer: (password: string) => void): void {
  void once(socket, 'data').then(async () => {
    socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
    const [message] = (await once(socket, 'data')) as [Buffer];
    answer(message.subarray(5, -1).toString());
    socket.destroy();
  });
}

/** The numbered variables, by their rows in the README. */
const REPLICA_EFFECTS: Readonly<Record<string, () => Promise<void>>> = {
  DB_READ_HOST_n: async () =>
    withEnv({ DB_READ_HOST_1: '127.0.0.9', DB_READ_HOST_2: '127.0.0.1' }, async (api) =>
      assert.deepEqual(upReplicas(api), [false, true]),
    ),
  DB_READ_PORT_n: async () =>
    withEnv({ DB_READ_PORT_2: String(await freePort()) }, async (api) =>
      assert.deepEqual(upReplicas(api), [true, false]),
    ),
  DB_READ_WEIGHT_n: async () => {
    const [first = 0, second = 0] = ['DB_READ_PORT_1', 'DB_READ_PORT_2'].map((name) => Number(base[name]));
    const reads = async (env: Record<string, string>, one: number, two: number): Promise<void> =>
      withEnv(env, async (api) =>
        eventually(async () => {
          const ports = await portsOfReads(api.service, 8);
          const counts = [first, second].map((port) => ports.filter((other) => other === port).length);
          assert.deepEqual(counts, [one, two]);
        }),
      );
    await reads({ DB_READ_WEIGHT_1: '3' }, 6, 2);
    await reads({ DB_READ_WEIGHT_1: '0' }, 0, 8);
    await reads({ DB_READ_WEIGHT_1: '0', DB_READ_PORT_2: String(await freePort()) }, 8, 0);
  },
};

function upReplicas({ service }: TestApi): boolean[] {
  return service.services.database.manager.servers.slice(1).map(({ status }) => status.up);
}

describe('every variable has an effect', () => {
  for (const [name, effect] of Object.entries(EFFECTS))
    test(SETTINGS[name as Name].variable, { timeout: 180_000 }, effect);
  for (const [name, effect] of Object.entries(REPLICA_EFFECTS)) test(name, { timeout: 180_000 }, effect);

  test('and every row of the table has its test', () => {
    const tested = [
      ...Object.keys(EFFECTS).map((name) => SETTINGS[name as Name].variable),
      ...Object.keys(REPLICA_EFFECTS),
      SETTINGS.dbMaxReplicaLag.variable,
    ];
    const rows = [...Object.values(SETTINGS), ...REPLICA_SETTINGS].map(({ variable }) => variable);
    assert.deepEqual(tested.toSorted(), rows.toSorted());
  });
});

describe('a variable that is not allowed', () => {
  test('is named with what is allowed', () => {
    const cases: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
      [{ DB_PORT: 'abc' }, /DB_PORT is "abc": allowed is a whole number from 1 to 65535/],
      [{ LB_ALGORITHM: 'best' }, /LB_ALGORITHM is "best": allowed is `round_robin`/],
      [{ REDIS_CLUSTER: 'maybe' }, /REDIS_CLUSTER is "maybe": allowed is `true` or `false`/],
      [{ MAX_AMOUNT: '1.005' }, /MAX_AMOUNT is "1.005"/],
      [{ FRAUD_CHECK_URLS: 'ftp://x' }, /FRAUD_CHECK_URLS is "ftp:\/\/x": allowed is a comma-separated list/],
      [{ DB_MAX_OPEN_CONNS: '5' }, /DB_MAX_IDLE_CONNS is 10: at most DB_MAX_OPEN_CONNS, 5/],
      [{ REDIS_POOL_SIZE: '2' }, /REDIS_MIN_IDLE_CONNS is 5: at most REDIS_POOL_SIZE, 2/],
      [{ DB_READ_HOST_2: 'b' }, /DB_READ_HOST_2 is set, but DB_READ_HOST_1 is not/],
      [{ DB_READ_HOST_1: 'a', DB_READ_WEIGHT_1: '-1' }, /DB_READ_WEIGHT_1 is "-1"/],
    ];
    for (const [env, message] of cases) assert.throws(() => readSettings(env), message);
  });

  test('that is empty is not set', () => assert.equal(readSettings({ DB_PORT: '' }).dbPort, 5432));

  test('has the documented default', () => {
    const settings = readSettings({});
    assert.deepEqual(
      [
        settings.dbMaxOpen,
        settings.dbMaxIdle,
        settings.dbMaxLifetime,
        settings.redisPoolSize,
        settings.redisMinIdle,
      ],
      [25, 10, 300, 20, 5],
    );
    assert.deepEqual(
      [settings.lbEnabled, settings.lbAlgorithm, settings.lbHealthCheckPath, settings.lbHealthCheckInterval],
      [false, 'round_robin', '/health/ready', 30],
    );
    assert.equal(settings.redisCluster, false);
  });
});
