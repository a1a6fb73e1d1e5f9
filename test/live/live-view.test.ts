import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { liveView, type LiveView } from '../../src/live/live-view.js';
import { SlidingWindow } from '../../src/live/sliding-window.js';
import { changesBetween } from '../../src/live/snapshot-changes.js';
import type { Family } from '../../src/model/family.js';
import type { Series } from '../../src/model/series.js';
import type { Snapshot, SnapshotFamily } from '../../src/model/snapshot.js';
import { counter, gauge, histogram, series } from '../contract/bed.js';

const of = (
  family: Family,
  ...points: ReadonlyArray<readonly [Series, number, ...number[]]>
): SnapshotFamily => ({
  family,
  series: points.map(([one, startMs, ...values]) => ({ series: one, startMs, values })),
});

const snapshot = (...families: readonly SnapshotFamily[]): Snapshot => ({
  resource: [],
  instances: 2,
  families,
});

const [a, b] = [series({ n: 'a' }), series({ n: 'b' })];

describe('what changed between two snapshots', () => {
  const changesOf = (before: Snapshot, after: Snapshot): unknown[] =>
    changesBetween(before, after).flatMap(({ family, series: all }) =>
      all.map(({ series: one, status, difference }) => [
        family.name,
        one.attributes.map(([, value]) => value).join(),
        status,
        difference,
      ]),
    );

  test('series that are the same, more, new, gone and begun again', () => {
    const one = counter('c');
    assert.deepEqual(
      changesOf(
        snapshot(
          of(one, [a, 1, 5], [b, 1, 5]),
          of(counter('same'), [a, 1, 1]),
          of(counter('gone'), [a, 1, 3]),
        ),
        snapshot(
          of(one, [a, 1, 8], [b, 2, 2]),
          of(counter('same'), [a, 1, 1]),
          of(counter('new'), [a, 3, 4]),
        ),
      ),
      [
        ['c', 'a', 'changed', [3]],
        ['c', 'b', 'restarted', [2]],
        ['same', 'a', 'same', [0]],
        ['new', 'a', 'new', [4]],
        ['gone', 'a', 'gone', []],
      ],
    );
  });

  test('a gauge may fall, a counter may not', () => {
    assert.deepEqual(
      changesOf(
        snapshot(of(gauge('g', 'max'), [a, 0, 5]), of(counter('c'), [a, 1, 5])),
        snapshot(of(gauge('g', 'max'), [a, 0, 3]), of(counter('c'), [a, 1, 4])),
      ),
      [
        ['g', 'a', 'changed', [-2]],
        ['c', 'a', 'changed', [0]],
      ],
    );
  });

  test('a histogram whose buckets changed is compared on those that both have', () => {
    const changes = changesBetween(
      snapshot(of(histogram('h', [1, 2, 4]), [a, 1, 10, 1, 1, 1, 1])),
      snapshot(of(histogram('h', [1, 4, 8]), [a, 1, 16, 2, 3, 0, 1])),
    );
    assert.deepEqual(changes[0]?.family.boundaries, [1, 4]);
    assert.deepEqual(changes[0]?.series[0]?.difference, [6, 1, 1, 0]);
  });
});

const BOUNDS = [0.1, 0.2, 0.4];
const duration = histogram('http.server.request.duration', BOUNDS);
const request = (route: string, status: string, error?: string): Series =>
  series({
    'http.request.method': 'GET',
    'http.response.status_code': status,
    ...(route !== '' && { 'http.route': route }),
    ...(error !== undefined && { 'error.type': error }),
  });

describe('the live view', () => {
  const before = snapshot(
    of(duration, [request('/a', '200'), 1, 1, 10, 0, 0, 0], [request('/b', '200'), 1, 0, 0, 0, 0, 0]),
    of(counter('process.cpu.time'), [a, 1, 10], [b, 1, 20]),
  );
  const after = snapshot(
    of(
      duration,
      [request('/a', '200'), 1, 2, 20, 10, 0, 0],
      [request('/a', '500', '500'), 5, 1, 0, 0, 5, 0],
      [request('/b', '200'), 1, 0, 0, 0, 0, 2],
    ),
    of(counter('process.cpu.time'), [a, 1, 11], [b, 1, 20.5]),
    of(gauge('nodejs.eventloop.delay.p99', 'instance'), [a, 0, 0.01], [b, 0, 0.03]),
    of(gauge('process.memory.usage', 'instance'), [a, 0, 1000], [b, 0, 500]),
  );
  const view = liveView(before, after, 10);

  test('counts requests by route, and all together', () => {
    assert.equal(view.total.requests, 27);
    assert.equal(view.total.perSecond, 2.7);
    assert.equal(view.total.errors, 5);
    assert.deepEqual(
      view.routes.map(({ method, route, requests, perSecond, errors, errorShare }) => [
        method,
        route,
        requests,
        perSecond,
        errors,
        errorShare,
      ]),
      [
        ['GET', '/a', 25, 2.5, 5, 0.2],
        ['GET', '/b', 2, 0.2, 0, 0],
      ],
    );
  });

  test('percentiles are those of Prometheus', () => {
    // 25 requests: 10 up to 0.1 s, 10 up to 0.2 s, 5 up to 0.4 s.
    const [route] = view.routes;
    const close = (value: number | undefined, expected: number): void =>
      assert.ok(Math.abs((value ?? 0) - expected) < 1e-9, `${value} is not ${expected}`);
    close(route?.p50, 0.1 + (0.1 * 2.5) / 10);
    close(route?.p95, 0.2 + (0.2 * 3.75) / 5);
    // Above the last boundary nothing is known.
    assert.equal(view.routes[1]?.p99, 0.4);
  });

  test('shows the processes', () => {
    assert.equal(view.instances, 2);
    assert.equal(view.loopDelayP99, 0.03);
    assert.equal(view.memoryBytes, 1500);
    assert.ok(Math.abs((view.cpus ?? 0) - 0.15) < 1e-9);
  });

  test('nothing is known of what nobody measures', () => {
    const empty = liveView(snapshot(), snapshot(), 0);
    assert.deepEqual(
      [empty.loopDelayP99, empty.memoryBytes, empty.cpus, empty.total.p50],
      [undefined, undefined, undefined, undefined],
    );
    assert.equal(empty.total.perSecond, 0);
  });

  test('names of prometheus-net are known as well', () => {
    const net = histogram('http_request_duration_seconds', BOUNDS);
    const labels = (code: string): Series =>
      series({ method: 'POST', code, endpoint: '/pay', action: 'pay', controller: 'x' });
    const { routes } = liveView(
      snapshot(),
      snapshot(of(net, [labels('200'), 1, 1, 3, 0, 0, 0], [labels('502'), 1, 1, 1, 0, 0, 0])),
      2,
    );
    assert.deepEqual(
      routes.map(({ method, route, requests, errors }) => [method, route, requests, errors]),
      [['POST', '/pay', 4, 1]],
    );
  });

  test('an exponential histogram has percentiles too', () => {
    const exponential: Family = { ...duration, type: 'exponentialhistogram', key: 'e' };
    const { boundaries: _none, ...without } = exponential;
    // Scale 0: bucket -3 holds (0.125, 0.25].
    const { total } = liveView(
      snapshot(),
      snapshot(of(without, [request('/a', '200'), 1, 0, 0, 0, 1.5, -3, 1, 0, 8])),
      1,
    );
    assert.equal(total.requests, 8);
    assert.ok((total.p50 ?? 0) > 0.1 && (total.p50 ?? 0) <= 0.27, String(total.p50));
  });
});

test('a sliding window compares with the oldest snapshot in it', () => {
  const window = new SlidingWindow<Snapshot>(10_000);
  const add = (taken: Snapshot, mark: number): LiveView => {
    const { before, seconds } = window.add(taken, mark);
    return liveView(before, taken, seconds);
  };
  const at = (count: number): Snapshot =>
    snapshot(of(duration, [request('/a', '200'), 1, 0, count, 0, 0, 0]));
  assert.equal(add(at(10), 0).total.requests, 0);
  assert.equal(add(at(14), 5000).total.requests, 4);
  assert.equal(add(at(20), 10_000).total.requests, 10);
  // The first one is older than the window now; with it the window is whole.
  const view = add(at(30), 15_000);
  assert.equal(view.total.requests, 16);
  assert.equal(view.seconds, 10);
});
