import assert from 'node:assert/strict';
import { once } from 'node:events';
import { before, describe, test } from 'node:test';

import { Redis } from 'ioredis';
import { createConnection } from 'mysql2';
import { createConnection as createPromiseConnection } from 'mysql2/promise';
import { createClient } from 'redis';

import {
  instrumentDriver,
  PUBLISHING_DRIVERS,
} from '../../../src/instrumentation/databases/driver-commands.js';
import { sendOwnCommand } from '../../../src/own-traffic/own-traffic.js';
import { startMariadb } from '../../helpers/mariadb.js';
import { type Owner, suiteOwner } from '../../helpers/owner.js';
import { startRedis, type RedisServer } from '../../helpers/redis.js';
import { RecordedOperations } from './recorded-operations.js';

/** What a driver's commands record until the owner ends. */
function measure(owner: Owner, name: string): RecordedOperations {
  const driver = PUBLISHING_DRIVERS[name];
  assert.ok(driver);
  const recorded = new RecordedOperations();
  const instrumentation = instrumentDriver(driver, recorded.duration);
  owner.after(() => instrumentation.stop());
  return recorded;
}

describe('mysql2', () => {
  const owner = suiteOwner();
  let url: URL;

  before(async () => {
    url = new URL(await startMariadb(owner));
  });

  test('queries and prepared statements by verb; errors by the code of the server', async (t) => {
    const recorded = measure(t, 'mysql2');
    const connection = await createPromiseConnection(url.href);
    t.after(() => connection.end());
    await connection.query('/* shop */ create table things (name varchar(20) primary key)');
    await connection.beginTransaction();
    await connection.execute('INSERT INTO things VALUES (?)', ['a']);
    await assert.rejects(connection.execute('INSERT INTO things VALUES (?)', ['a']));
    await connection.commit();
    await assert.rejects(connection.query('SELECT * FROM missing'));
    await assert.rejects(connection.execute('SELECT * FROM missing'));
    await assert.rejects(connection.query('secret SELECT'));
    await connection.query('SELECT 1');
    const server = `server.address=127.0.0.1,server.port=${url.port}`;
    assert.equal(
      recorded.counts()[`db.namespace=shop,db.operation.name=SELECT,db.system.name=mysql,${server}`],
      1,
    );
    assert.deepEqual(recorded.take(), [
      'CREATE',
      'START',
      'INSERT',
      'INSERT ER_DUP_ENTRY',
      'COMMIT',
      'SELECT ER_NO_SUCH_TABLE',
      'SELECT ER_NO_SUCH_TABLE',
      '_OTHER ER_PARSE_ERROR',
      'SELECT',
    ]);
  });

  test('callbacks, which come after their query is counted, and events', async (t) => {
    const recorded = measure(t, 'mysql2');
    const connection = createConnection(url.href);
    t.after(() => connection.destroy());
    const atCallback = await new Promise((resolve) => {
      connection.query('SELECT 1', () => resolve(recorded.take()));
    });
    assert.deepEqual(atCallback, ['SELECT']);
    const rows: unknown[] = [];
    for await (const row of connection.query('SELECT 1 AS n UNION SELECT 2').stream()) rows.push(row);
    assert.deepEqual(rows, [{ n: 1 }, { n: 2 }]);
    const failing = connection.query('SELECT * FROM missing');
    const [error] = (await once(failing, 'error')) as [Error & { code: string }];
    assert.equal(error.code, 'ER_NO_SUCH_TABLE');
    // The error is seen here before Node hears of it; a later query ends after both.
    await new Promise((resolve) => connection.query('DO 1', resolve));
    assert.deepEqual(recorded.take(), ['SELECT', 'SELECT ER_NO_SUCH_TABLE', 'DO']);
  });

  test('a connection that breaks while a query runs', async (t) => {
    const recorded = measure(t, 'mysql2');
    const connection = await createPromiseConnection(url.href);
    const killer = await createPromiseConnection(url.href);
    t.after(() => killer.end());
    const sleeping = assert.rejects(connection.query('SELECT SLEEP(60)'));
    await killer.query(`KILL ${connection.threadId}`);
    await sleeping;
    const [kill, select, ...more] = recorded.take().toSorted();
    assert.equal(kill, 'KILL');
    // The server may say so before it closes the connection.
    assert.match(select ?? '', /^SELECT (?:PROTOCOL_CONNECTION_LOST|ER_CONNECTION_KILLED)$/);
    assert.deepEqual(more, []);
  });
});

describe('Redis', () => {
  const owner = suiteOwner();
  let server: RedisServer;

  before(async () => {
    server = await startRedis(owner);
  });

  /** What is sent before it is ready waits in ioredis, and is answered a moment before it is recorded. */
  async function connect(t: Owner, redis = new Redis(server.port, '127.0.0.1', { db: 2 })): Promise<Redis> {
    t.after(() => redis.disconnect());
    await once(redis, 'ready');
    return redis;
  }

  test('ioredis: commands, pipelines, transactions and scripts; errors by what Redis calls them', async (t) => {
    const redis = await connect(t);
    const recorded = measure(t, 'ioredis');
    await redis.set('name', 'x');
    const where = `server.address=127.0.0.1,server.port=${server.port}`;
    assert.equal(recorded.counts()[`db.namespace=2,db.operation.name=SET,db.system.name=redis,${where}`], 1);
    recorded.take();
    await redis.pipeline().get('name').incr('name').exec();
    await redis.multi().get('name').exec();
    await redis.call('GET', 'name');
    await assert.rejects(redis.lpush('name', 'y'));
    await assert.rejects(redis.call('no such command'));
    assert.equal(await redis.eval('return 1', 0), 1);
    assert.deepEqual(recorded.take(), [
      'GET',
      'INCR ERR',
      'MULTI',
      'GET',
      'EXEC',
      'GET',
      'LPUSH WRONGTYPE',
      '_OTHER ERR',
      'EVAL',
    ]);
  });

  test('ioredis: how it introduces itself to a server is no operation of the application', async (t) => {
    const recorded = measure(t, 'ioredis');
    const redis = await connect(t, new Redis(server.port));
    await redis.ping();
    assert.deepEqual(recorded.take(), ['INFO', 'PING']);
  });

  test('ioredis: a unix socket has no port', async (t) => {
    const atSocket = await startRedis(t, { unixSocket: true });
    const recorded = measure(t, 'ioredis');
    const redis = await connect(t, new Redis(atSocket.socketPath));
    await redis.ping();
    assert.equal(
      recorded.counts()[
        `db.namespace=0,db.operation.name=PING,db.system.name=redis,server.address=${atSocket.socketPath}`
      ],
      1,
    );
  });

  test('redis: commands and pipelines one by one, a transaction as one', async (t) => {
    const recorded = measure(t, 'redis');
    const client = createClient({ url: server.url, database: 3 });
    await client.connect();
    await client.set('name', 'x');
    const where = `server.address=127.0.0.1,server.port=${server.port}`;
    assert.deepEqual(recorded.counts(), {
      [`db.namespace=3,db.operation.name=SET,db.system.name=redis,${where}`]: 1,
    });
    recorded.take();
    await client.multi().get('name').del('none').execAsPipeline();
    await client.multi().set('name', 'y').get('name').exec();
    await assert.rejects(client.lPush('name', 'z'));
    await client.close();
    await assert.rejects(client.get('name'));
    assert.deepEqual(recorded.take(), ['GET', 'DEL', 'MULTI', 'LPUSH WRONGTYPE', 'GET ClientClosedError']);
  });

  test('commands of this package are not counted, and those that overlap them are', async (t) => {
    const redis = await connect(t);
    const recorded = measure(t, 'ioredis');
    const own = sendOwnCommand(() => redis.set('own', '1'));
    const theirs = redis.get('own');
    assert.equal(await theirs, '1');
    await own;
    assert.deepEqual(recorded.take(), ['GET']);
  });

  test('a recording that fails harms no command', async (t) => {
    const redis = await connect(t);
    const recorded = measure(t, 'ioredis');
    recorded.failing = true;
    assert.equal(await redis.set('name', 'x'), 'OK');
    recorded.failing = false;
    assert.equal(await redis.get('name'), 'x');
    assert.deepEqual(recorded.take(), ['GET']);
  });
});
