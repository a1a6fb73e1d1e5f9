import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../local/daemon.js';
import { ROOT } from '../local/instance.js';
import type { PostgresNode } from '../local/postgres-cluster.js';
import { failOver } from '../src/cli/failover-plan.js';
import { portsOfReads, startApi, type Reply, type TestApi } from './support/api.js';
import { startServers, TEMPLATE, type OwnedServers } from './support/servers.js';
import { settingsFor } from './support/shared-servers.js';

/** On servers of its own, which it stops and promotes. The tests are steps of one story, in this order. */
let servers: OwnedServers;
let env: Record<string, string>;
const apis: TestApi[] = [];

interface Health {
  readonly status: string;
  readonly services: {
    readonly connection_manager: {
      readonly primary: string | null;
      readonly servers: ReadonlyArray<{ readonly up: boolean; readonly circuit_breaker: string }>;
    };
  };
}

before(async () => {
  servers = await startServers();
  await servers.postgres.first.query(`CREATE DATABASE bank TEMPLATE ${TEMPLATE}`);
  env = {
    ...settingsFor('bank', servers.postgresPorts, servers.redisPorts),
    DB_PROBE_INTERVAL_MS: '100',
    DB_READ_WEIGHT_1: '3',
    CB_DATABASE_RESET_MS: '200',
    // Commits wait for a replica that takes its time.
    DB_MAX_REPLICA_LAG_MS: '60000',
  };
});
after(async () => {
  await Promise.all(apis.map(({ service }) => service.close()));
  await servers.stop();
});

async function instance(more: Record<string, string> = {}): Promise<TestApi> {
  const api = await startApi(more, env);
  apis.push(api);
  return api;
}

const delay = async (milliseconds: number): Promise<void> => {
  for (const node of servers.postgres.nodes.slice(1)) {
    await node.query(`ALTER SYSTEM SET recovery_min_apply_delay = '${milliseconds}ms'`);
    await node.query('SELECT pg_reload_conf()');
  }
};

test('writes go to the primary, reads to the replicas by their weights', async () => {
  const api = await instance();
  await eventually(async () => assert.equal(api.service.services.database.manager.replicas.length, 2));
  const [primary = 0, heavy, light] = servers.postgresPorts;
  // Again when a read of the work in the background has come between.
  await eventually(async () => {
    const ports = await portsOfReads(api.service, 40);
    assert.deepEqual(
      [heavy, light].map((port) => ports.filter((other) => other === port).length),
      [30, 10],
    );
  });
  const { result } = await api.service.services.database.writer.write('test', async (client) => {
    const { rows } = await client.query<{ port: number }>(`SELECT current_setting('port')::int AS port`);
    return rows[0]?.port;
  });
  assert.equal(result, primary);
});

test('who writes reads it, at either instance, with replicas that are 2 s behind', async () => {
  const [one, other] = [await instance(), await instance()];
  const ann = await one.rich(10);
  await delay(2000);
  let behind = 0;
  for (let n = 1; n <= 5; n++) {
    await one.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
    // A read that asks for nothing gets what a replica has: this shows that they are behind.
    const events = await other.service.services.database.reader.read('test', 0n, async (client) => {
      const { rows } = await client.query<{ version: string }>(
        `SELECT version FROM balances JOIN accounts ON id = account_id WHERE user_id = ${ann.id} AND accounts.kind = 'wallet'`,
      );
      return Number(rows[0]?.version ?? 0);
    });
    if (events < 2 + n) behind++;
    assert.equal(await other.balance(ann), 10 + n);
    assert.equal(await one.balance(ann), 10 + n);
    // A key that was renewed a moment ago works at the other instance.
    const renewed = await one.call<{ api_key: string }>('POST', '/api/users/api-key', ann.key);
    assert.equal((await other.call('GET', `/api/users/${ann.id}`, ann.key)).status, 401);
    Object.assign(ann, { key: renewed.body.api_key });
  }
  assert.ok(behind > 0, 'the replicas were behind');
});

test('a replica that is further behind than DB_MAX_REPLICA_LAG_MS gets no reads', async () => {
  const strict = await instance({ DB_MAX_REPLICA_LAG_MS: '500' });
  const ann = await strict.rich(1);
  await eventually(async () => {
    await strict.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
    assert.deepEqual(await portsOfReads(strict.service, 1), [servers.postgresPorts[0]]);
  });
  assert.equal(strict.service.services.fallbacks.mode, 'degraded');
  const admin = await strict.admin();
  const stats = await strict.call('GET', '/api/transactions/stats', admin.key);
  assert.deepEqual([stats.status, stats.body['type']], [503, 'urn:payflow:problem:degraded']);
  assert.equal((await strict.call('POST', '/api/cache/warmup', admin.key)).status, 503);
  await delay(0);
  await eventually(async () => assert.equal(strict.service.services.fallbacks.mode, 'normal'));
});

test('a replica that has lost its primary is not taken for one that is up to date', async () => {
  const strict = await instance({ DB_MAX_REPLICA_LAG_MS: '500' });
  const ann = await strict.rich(1);
  const deposit = (): Promise<Reply> =>
    strict.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
  const [, lost = 0, left = 0] = servers.postgresPorts;
  const node = servers.postgres.node(1);
  const [original] = await node.query<{ primary_conninfo: string }>('SHOW primary_conninfo');
  const follow = async (conninfo: string): Promise<void> => {
    await node.query(`ALTER SYSTEM SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`);
    await node.query('SELECT pg_reload_conf()');
  };
  await eventually(async () => assert.ok((await portsOfReads(strict.service, 4)).includes(lost)));
  await follow('host=127.0.0.1 port=1 connect_timeout=1');
  // It has replayed all that it received, and receives nothing more.
  await eventually(async () => {
    assert.equal((await deposit()).status, 201);
    assert.ok((strict.service.services.database.manager.servers[1]?.status.lagMs ?? 0) > 500);
  });
  assert.deepEqual([...new Set(await portsOfReads(strict.service, 10))], [left]);
  await follow(original?.primary_conninfo ?? '');
  await eventually(async () => assert.ok((await portsOfReads(strict.service, 4)).includes(lost)));
});

test('a replica that is lost is not missed', async () => {
  const api = await instance();
  const [, lost, left] = servers.postgresPorts;
  await servers.postgres.node(1).stop('SIGQUIT');
  const ports = await portsOfReads(api.service, 10);
  assert.ok(!ports.includes(lost ?? 0) && ports.includes(left ?? 0));
  await servers.postgres.node(1).start();
  await eventually(async () => assert.ok((await portsOfReads(api.service, 4)).includes(lost ?? 0)));
});

test('without replicas: reads go to the primary, and a payment is acknowledged when a replica has it', async () => {
  const api = await instance({ DB_QUERY_TIMEOUT_MS: '2000' });
  const ann = await api.rich(10);
  const deposit = (): Promise<Reply> =>
    api.call(
      'POST',
      '/api/transactions/deposit',
      ann.key,
      { user_id: ann.id, amount: 1 },
      { 'idempotency-key': 'nobody-else-has-it' },
    );
  const replicas = servers.postgres.nodes.slice(1);
  await Promise.all(replicas.map((node) => node.stop('SIGQUIT')));
  await eventually(async () => assert.equal(api.service.services.fallbacks.mode, 'degraded'));
  assert.deepEqual(await portsOfReads(api.service, 4), Array(4).fill(servers.postgresPorts[0]));
  assert.ok((api.service.services.fallbacks.counts.primary_read ?? 0) >= 4);
  const unknown = await deposit();
  assert.deepEqual([unknown.status, unknown.body['type']], [503, 'urn:payflow:problem:outcome-unknown']);
  // Still so: the transaction waits, and nobody is told that it is done.
  assert.notEqual((await deposit()).status, 201);
  assert.equal(await api.balance(ann), 10);
  await servers.postgres.node(1).start();
  await eventually(async () => assert.equal((await deposit()).status, 201));
  assert.equal(await api.balance(ann), 11);
  const rows = await api.sql(`SELECT 1 FROM transactions WHERE to_user_id = ${ann.id} AND amount = 100`);
  assert.equal(rows.length, 1);
  await servers.postgres.node(2).start();
  await eventually(async () => assert.equal(api.service.services.database.manager.replicas.length, 2));
});

test('the primary is stopped, its circuit breaker opens in /health; it is started, payments go on, and the breaker closes', async () => {
  const api = await instance();
  const ann = await api.rich(1);
  const deposit = (): Promise<Reply> =>
    api.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
  const inHealth = async (): Promise<readonly unknown[]> => {
    const { body } = await api.call<Health>('GET', '/health');
    const { primary, servers: all } = body.services.connection_manager;
    return [body.status, primary, all[0]?.up, all[0]?.circuit_breaker];
  };
  await eventually(async () => assert.deepEqual(await inHealth(), ['ok', 'database-1', true, 'closed']));
  await servers.postgres.first.stop('SIGQUIT');
  await eventually(async () => assert.deepEqual(await inHealth(), ['degraded', null, false, 'open']));
  assert.equal((await deposit()).status, 503);
  await servers.postgres.first.start();
  await eventually(async () => assert.equal((await deposit()).status, 201));
  await eventually(async () => assert.deepEqual(await inHealth(), ['ok', 'database-1', true, 'closed']));
  assert.equal(await api.balance(ann), 2);
});

test('without a primary: reads go on, writes are refused with Retry-After, and go on after a promotion', async () => {
  const api = await instance({ DB_MAX_REPLICA_LAG_MS: '500' });
  const ann = await api.rich(10);
  const deposit = (key: string): Promise<Reply> =>
    api.call(
      'POST',
      '/api/transactions/deposit',
      ann.key,
      { user_id: ann.id, amount: 1 },
      { 'idempotency-key': key },
    );
  await eventually(async () => {
    const behind = api.service.services.database.manager.replicas.filter(({ status }) => status.lagMs > 0);
    assert.deepEqual(behind, []);
  });
  await servers.postgres.first.stop('SIGQUIT');
  await eventually(async () => assert.equal(api.service.services.fallbacks.mode, 'read_only'));
  const start = performance.now();
  const refused = await deposit('one');
  const took = performance.now() - start;
  assert.ok(took < 1000, `refused after ${took} ms`);
  assert.deepEqual(
    [refused.status, refused.body['type']],
    [503, 'urn:payflow:problem:no-writes'],
    refused.text,
  );
  assert.equal(refused.headers['retry-after'], '2');
  // The replicas receive nothing, and for longer than they may lag: but nothing newer is to be had.
  await sleep(1000);
  await eventually(async () => {
    const [, ...replicas] = servers.postgresPorts;
    assert.deepEqual(new Set(await portsOfReads(api.service, 8)), new Set(replicas));
  });
  assert.equal(await api.balance(ann), 10);
  assert.equal((await api.call('GET', '/health/ready')).status, 200);
  const health = await api.call<Health>('GET', '/health');
  assert.deepEqual([health.body.status, health.body.services.connection_manager.primary], ['degraded', null]);

  const nodes = servers.postgresPorts.map((port) => ({ host: '127.0.0.1', port }));
  const report = await failOver(nodes, { user: 'payflow', password: '' });
  assert.equal(report.repointed.length, 1);
  await eventually(async () => assert.equal((await deposit('one')).status, 201));
  assert.equal(await api.balance(ann), 11);
  await assert.rejects(
    failOver(nodes, { user: 'payflow', password: '' }),
    /is the primary and answers: fence it first/,
  );
});

test('an old primary that comes back is not taken for the primary', async () => {
  const api = await instance();
  const { manager } = api.service.services.database;
  const { primary } = manager;
  await servers.postgres.first.start();
  await eventually(async () => assert.equal(manager.servers[0]?.status.role, 'primary'));
  assert.equal(manager.primary, primary);
  await servers.postgres.first.stop('SIGQUIT');
});

test('npm run failover fences the primary, promotes a replica, and does nothing when the fence fails', async () => {
  const api = await instance();
  const ann = await api.rich(10);
  const { manager } = api.service.services.database;
  const [old, promoted] = [servers.postgres.first, nodeOf(manager.primary?.address.port)];
  // What a failover is for: the first primary is a replica by now.
  await servers.postgres.copy(promoted, old);
  await eventually(async () => assert.equal(manager.replicas.length, 2));

  const without = await failoverCommand();
  assert.deepEqual([without.code, without.stderr.split(' -- ')[0]], [1, 'usage: npm run failover']);
  const failed = await failoverCommand('--fence', 'false');
  assert.deepEqual(
    [failed.code, failed.stderr],
    [1, 'the command of --fence ended with 1: nothing was promoted\n'],
  );
  assert.equal(manager.primary?.address.port, promoted.port);

  const pid = `$(head -1 ${join(promoted.dir, 'data', 'postmaster.pid')})`;
  const done = await failoverCommand('--fence', `kill -QUIT ${pid}`);
  assert.equal(done.code, 0, done.stderr);
  const [, next, follower] =
    /^Promoted 127\.0\.0\.1:(\d+)\. It is followed by 127\.0\.0\.1:(\d+)\.\n$/.exec(done.stdout) ?? [];
  const others = servers.postgresPorts.filter((port) => port !== promoted.port);
  assert.deepEqual(new Set([Number(next), Number(follower)]), new Set(others), done.stdout);
  assert.equal(promoted.running, false);
  await eventually(async () => {
    const reply = await api.call(
      'POST',
      '/api/transactions/deposit',
      ann.key,
      { user_id: ann.id, amount: 1 },
      { 'idempotency-key': 'after' },
    );
    assert.equal(reply.status, 201);
  });
  assert.equal(manager.primary?.address.port, Number(next));
  assert.equal(await api.balance(ann), 11);
});

function nodeOf(port: number | undefined): PostgresNode {
  const node = servers.postgres.nodes.find((other) => other.port === port);
  assert.ok(node !== undefined, `no node has port ${port}`);
  return node;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function failoverCommand(...args: readonly string[]): Promise<Ended> {
  const command = [join(ROOT, 'dist/src/cli/failover.js'), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('without any database, users and balances come from the cache, and say so', async () => {
  const api = await instance();
  const ann = await api.rich(5);
  assert.equal(await api.balance(ann), 5);
  await api.call('GET', `/api/users/${ann.id}`, ann.key);
  const bob = await api.person();
  assert.equal((await api.call('GET', `/api/users/${bob.id}`, bob.key)).status, 200);
  const change = { id: bob.id, password: 'another password' };
  assert.equal((await api.call('PUT', '/api/users', bob.key, change)).status, 200);
  await Promise.all(servers.postgres.nodes.map((node) => node.stop('SIGQUIT')));
  await eventually(async () => assert.equal(api.service.services.fallbacks.mode, 'down'));
  assert.equal((await api.call('GET', '/health/ready')).status, 503);
  assert.equal((await api.call('GET', '/health')).status, 503);
  assert.equal((await api.call('GET', '/health/live')).status, 200);
  const user = await api.call('GET', `/api/users/${ann.id}`, ann.key);
  assert.deepEqual([user.status, user.body['id']], [200, ann.id], user.text);
  const revoked = await api.call('GET', `/api/users/${bob.id}`, bob.key);
  assert.equal(revoked.status, 401, 'a key that was revoked is not taken from the cache');
  const balance = await api.call('GET', `/api/balances?user_id=${ann.id}`, ann.key);
  assert.deepEqual(
    [balance.status, balance.body['balance'], balance.body['stale']],
    [200, 5, true],
    balance.text,
  );
  const { counts } = api.service.services.fallbacks;
  assert.ok(
    (counts.cached_user ?? 0) > 0 && (counts.cached_balance ?? 0) > 0 && (counts.cached_key ?? 0) > 0,
  );
  const history = await api.call('GET', `/api/balances/history?user_id=${ann.id}`, ann.key);
  assert.deepEqual([history.status, history.body['type']], [503, 'urn:payflow:problem:unavailable']);
});
