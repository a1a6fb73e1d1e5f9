import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OperationSeries } from '../../../src/instrumentation/databases/operation-series.js';
import { RecordedOperations } from './recorded-operations.js';

const SERVER = { serverAddress: 'db.internal', serverPort: 3306, database: 'shop' };

function openSeries(): { series: OperationSeries; counts: () => Record<string, number> } {
  const recorded = new RecordedOperations();
  return { series: new OperationSeries('mysql', recorded.duration), counts: () => recorded.counts() };
}

test('by server, database, operation in any case, and error', () => {
  const { series, counts } = openSeries();
  series.find(SERVER, 'SELECT', undefined).record(0.1);
  series.find(SERVER, 'select', undefined).record(0.1);
  series.find(SERVER, 'SELECT', 'ER_NO_SUCH_TABLE').record(0.1);
  series.find({ ...SERVER, database: '' }, 'SELECT', undefined).record(0.1);
  series.find({ ...SERVER, database: 0 }, 'GET', undefined).record(0.1);
  series.find({ ...SERVER, serverPort: 3307 }, 'SELECT', undefined).record(0.1);
  series.find({ serverAddress: '/run/db.sock', serverPort: undefined }, 'SELECT', undefined).record(0.1);
  series.find(SERVER, 'SELECT', undefined).record(0.1);
  const shop = 'db.system.name=mysql,server.address=db.internal,server.port=3306';
  assert.deepEqual(counts(), {
    [`db.namespace=shop,db.operation.name=SELECT,${shop}`]: 3,
    [`db.namespace=shop,db.operation.name=SELECT,db.system.name=mysql,error.type=ER_NO_SUCH_TABLE,server.address=db.internal,server.port=3306`]: 1,
    [`db.operation.name=SELECT,${shop}`]: 1,
    [`db.namespace=0,db.operation.name=GET,${shop}`]: 1,
    [`db.namespace=shop,db.operation.name=SELECT,db.system.name=mysql,server.address=db.internal,server.port=3307`]: 1,
    'db.operation.name=SELECT,db.system.name=mysql,server.address=/run/db.sock': 1,
  });
});

test('operations that users may make up are one series', () => {
  const { series, counts } = openSeries();
  for (const name of ['', 'two words', 'GÖT', '1GET', 'X'.repeat(33)])
    series.find(SERVER, name, undefined).record(1);
  for (let n = 0; n < 300; n++) series.find(SERVER, `CMD${n}`, undefined).record(1);
  const found = counts();
  const other =
    'db.namespace=shop,db.operation.name=_OTHER,db.system.name=mysql,server.address=db.internal,server.port=3306';
  assert.equal(Object.keys(found).length, 201);
  assert.equal(found[other], 5 + 100);
});

test('an application that talks to thousands of servers is counted all the same', () => {
  const { series, counts } = openSeries();
  for (let round = 0; round < 2; round++) {
    for (let port = 1; port <= 3000; port++) series.find({ serverPort: port }, 'SELECT', undefined).record(1);
  }
  const found = counts();
  assert.equal(Object.keys(found).length, 3000);
  assert.ok(Object.values(found).every((count) => count === 2));
});
