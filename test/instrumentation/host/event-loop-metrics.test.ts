import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { DelayWindow } from '../../../src/instrumentation/host/delay-window.js';
import { instrumentEventLoop } from '../../../src/instrumentation/host/event-loop-metrics.js';
import { instrumentRuntime } from '../../../src/instrumentation/host/runtime.js';
import { CollectedMetrics } from '../collected-metrics.js';
import { eventually } from '../../helpers/eventually.js';

function stall(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

test('every reading for the length of the window shows a stall, whoever read in between', async (t) => {
  let mark = 0;
  const window = new DelayWindow(60_000, 10, () => mark);
  t.after(() => window.stop());
  await eventually(() => assert.ok(window.read() !== undefined));
  stall(1000);
  await delay(30);
  const seen = window.read();
  assert.ok(seen !== undefined && seen.max > 0.9, JSON.stringify(seen));
  for (const second of [0, 0.015, 5, 15, 30, 45, 60, 69]) {
    mark = second * 1000;
    assert.ok((window.read()?.max ?? 0) >= seen.max, `${second} s later`);
    // So that each part of the window has samples.
    await delay(30);
  }
  mark = 130_000;
  const later = window.read();
  assert.ok(later !== undefined && later.max < seen.max, 'it leaves with the window');
});

test('statistics over several parts of the window are those of all samples together', async (t) => {
  let mark = 0;
  const window = new DelayWindow(60_000, 1, () => mark);
  t.after(() => window.stop());
  for (let part = 0; part < 3; part++) {
    for (let time = 0; time < 10; time++) {
      stall(20);
      await delay(20);
    }
    mark += 10_000;
    const { min, p50, p90, p99, max, mean, stddev } = window.read() ?? assert.fail();
    assert.ok(min <= p50 && p50 <= p90 && p90 <= p99 && p99 <= max, 'in order');
    assert.ok(mean > min && mean < max && stddev > 0 && stddev < max);
    // Of about 21 samples in 40 ms one comes after the stall.
    assert.ok(max >= 0.015 && p99 >= 0.01, `${p99}, ${max}`);
  }
});

test('two readers see the same, an idle event loop has no delay, and the names are those of upstream', async (t) => {
  const metrics = new CollectedMetrics();
  t.after(() => metrics.shutdown());
  const running = [
    instrumentRuntime({ meterProvider: metrics.provider }),
    instrumentEventLoop(metrics.provider, 5000),
  ];
  t.after(() => {
    for (const each of running) each.stop();
  });
  const read = async (): Promise<Record<string, number>> => {
    const all = await metrics.all();
    const gauges = all.filter(({ descriptor }) =>
      /^nodejs\.eventloop\.(?:delay|utilization)/.test(descriptor.name),
    );
    return Object.fromEntries(
      gauges.map(({ descriptor, dataPoints }) => {
        assert.equal(dataPoints.length, 1, descriptor.name);
        return [descriptor.name, dataPoints[0]?.value as number];
      }),
    );
  };
  await eventually(async () => {
    const first = await read();
    const second = await read();
    assert.deepEqual(Object.keys(first).toSorted(), NAMES);
    assert.deepEqual(Object.keys(second).toSorted(), NAMES);
    // The interval between two samples is 40 ms.
    assert.ok((first['nodejs.eventloop.delay.min'] ?? NaN) < 0.01, JSON.stringify(first));
    assert.ok(
      Math.abs(
        (first['nodejs.eventloop.utilization'] ?? NaN) - (second['nodejs.eventloop.utilization'] ?? NaN),
      ) < 0.3,
    );
  });
  stall(400);
  await delay(100);
  for (const reader of ['the first', 'the second'])
    assert.ok(((await read())['nodejs.eventloop.delay.max'] ?? NaN) > 0.3, `${reader} reader sees the stall`);
});

const NAMES = [
  ...['max', 'mean', 'min', 'p50', 'p90', 'p99', 'stddev'].map((name) => `nodejs.eventloop.delay.${name}`),
  'nodejs.eventloop.utilization',
];

test('everything else of the runtime comes from upstream', async (t) => {
  const metrics = new CollectedMetrics();
  t.after(() => metrics.shutdown());
  const running = instrumentRuntime({ meterProvider: metrics.provider });
  t.after(() => running.stop());
  const found = new Set((await metrics.all()).map(({ descriptor }) => descriptor.name));
  for (const name of ['nodejs.eventloop.time', 'v8js.memory.heap.used', 'v8js.resource.active'])
    assert.ok(found.has(name), name);
});
