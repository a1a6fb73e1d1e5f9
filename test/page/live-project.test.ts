import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { History } from '../../src/page/history.js';
import { LiveProject, type LiveTiming } from '../../src/page/live-project.js';
import { Exposition } from '../../src/prometheus/exposition.js';
import { eventually } from '../helpers/eventually.js';
import { GrowingProject } from './projects.js';

function open(t: TestContext, project: GrowingProject, timing: Partial<LiveTiming> = {}): LiveProject {
  const live = new LiveProject(
    {
      project: 'Shop',
      prefix: 'shop',
      store: 'memory',
      version: '1',
      read: project.read,
      exposition: new Exposition(),
    },
    { everyMs: 20, keptMs: 60_000, windowMs: 100, maxShare: 1, ...timing },
  );
  t.after(() => live.end());
  return live;
}

test('nothing is read before somebody looks, and once for all who look', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project, { everyMs: 60_000 });
  assert.equal(project.reads, 0);
  assert.equal(live.isSampling, false);
  const all = await Promise.all(Array.from({ length: 50 }, () => live.look()));
  assert.equal(new Set(all).size, 1);
  assert.equal(project.reads, 1);
});

test('it goes on for a while after the last one has gone, and then forgets everything', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project, { everyMs: 10, keptMs: 1000 });
  const { id } = await live.look();
  await eventually(() => assert.ok(project.reads > 5));
  await eventually(() => assert.equal(live.isSampling, false));
  const { reads } = project;
  const again = await live.look();
  assert.notEqual(again.id, id);
  assert.equal(again.last, 1, 'the history begins anew');
  assert.equal(project.reads, reads + 1);
});

test('what is new is handed out, and all of it to who has nothing', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project, { everyMs: 60_000, keptMs: 180_000 });
  const sampling = await live.look();
  const first = sampling.answer(0);
  assert.equal(first.times.length, 1);
  assert.deepEqual(sampling.answer(first.last).times, []);
  assert.deepEqual(sampling.answer(first.last).columns, {});
});

test('totals are those of the exposition, and rates are over the window', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project);
  const sampling = await live.look();
  await eventually(() => assert.ok(sampling.last > 3));
  const { now, columns, times } = sampling.answer(0);
  assert.ok(now !== null && now.seconds > 0);
  const round = project.reads;
  // Three routes: 10, 20 and 30 requests a round, of which none, one and two more fail.
  assert.equal(now.total.requests, round * 63);
  assert.equal(now.total.failed, round * 3);
  assert.ok(Math.abs((now.total.errorShare ?? 0) - 3 / 63) < 1e-4, String(now.total.errorShare));
  assert.deepEqual(
    now.routes.map(({ route }) => route),
    ['/slow', '/checkout', '/users/{id}'],
  );
  assert.equal(columns['instances']?.length, times.length);
  assert.deepEqual(now.checks, [{ name: 'database', critical: true, up: 2, down: 1 }]);
  const [host] = now.hosts;
  assert.deepEqual([host?.name, host?.memoryUsed, host?.memoryTotal], ['host-1', 4e9, 16e9]);
  assert.deepEqual(
    now.processes.map(({ pid, memory }) => [pid, memory]),
    [
      ['1000', 80_000_000],
      ['1001', 160_000_000],
      ['1002', 240_000_000],
    ],
  );
});

test('a store that cannot be read leaves a gap, its reason, and the last numbers', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project);
  const sampling = await live.look();
  project.failure = 'redis 127.0.0.1:1: gone';
  await eventually(() => assert.equal(sampling.answer(0).trouble, 'redis 127.0.0.1:1: gone'));
  const { now, columns } = sampling.answer(0);
  assert.equal(now?.instances, 3);
  assert.equal(columns['instances']?.at(-1), null);
  project.failure = undefined;
  await eventually(() => assert.equal(sampling.answer(0).trouble, null));
});

test('a metric is explored under its name in the exposition', async (t) => {
  const project = new GrowingProject();
  const live = open(t, project);
  const sampling = await live.look();
  const names = sampling.families().families.map(({ name, type, series }) => [name, type, series]);
  assert.deepEqual(names, [
    ['app_health_status', 'gauge', 3],
    ['http_server_request_duration_seconds', 'histogram', 6],
    ['nodejs_eventloop_delay_p99', 'gauge', 3],
    ['orchestrator_instance_info', 'gauge', 3],
    ['orchestrator_instances', 'gauge', 1],
    ['process_memory_usage', 'gauge', 3],
    ['shop_orders_total', 'counter', 1],
    ['system_memory_usage', 'gauge', 2],
  ]);
  assert.equal(await sampling.family('nothing'), undefined);
  assert.equal((await sampling.family('shop_orders_total'))?.points[0]?.perSecond, null);
  const family = await eventually(async () => {
    const found = await sampling.family('http_server_request_duration_seconds');
    assert.ok((found?.points[0]?.perSecond ?? 0) > 0);
    return found;
  });
  const [largest] = family?.points ?? [];
  assert.ok(largest?.labels.some(([key, value]) => key === 'http_route' && value === '/slow'));
  // Half of the requests are below 5 ms, a quarter each below 10 and 100 ms.
  assert.equal(largest?.p50, 0.005);
  assert.ok((largest?.p95 ?? 0) > 0.01 && (largest?.p95 ?? 0) <= 0.1);
  assert.equal(largest?.curve.length, family?.times.length);
});

test('processes that come and go leave nothing behind but their curves, for as long as those last', async (t) => {
  const project = new GrowingProject();
  project.changesInstances = true;
  const live = open(t, project, { everyMs: 5, keptMs: 1000 });
  const sampling = await live.look();
  await eventually(async () => {
    await live.look();
    assert.ok(sampling.last > 500);
  });
  const { times, columns } = sampling.answer(0);
  assert.equal(times.length, 200);
  assert.ok(Object.keys(columns).length <= 500, `${Object.keys(columns).length} columns`);
  assert.equal(columns['instances']?.length, 200);
  assert.ok(
    columns['instances']?.every((value) => value === 3),
    'what is of the whole project has room whatever comes',
  );
});

test('a history has as many rows and columns as it may, and columns without a value go', () => {
  const history = new History(3, 2);
  history.add(
    1,
    new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]),
  );
  assert.deepEqual(history.after(0), { times: [1], columns: { a: [1], b: [2] } });
  for (const time of [2, 3, 4]) history.add(time, new Map([['a', time]]));
  assert.equal(history.has('b'), false);
  history.add(
    5,
    new Map([
      ['c', 7],
      ['d', Number.NaN],
      ['a', Infinity],
    ]),
  );
  assert.deepEqual(history.after(0), { times: [3, 4, 5], columns: { a: [3, 4, null], c: [null, null, 7] } });
  assert.deepEqual(history.after(4), { times: [5], columns: { c: [7] } });
});
