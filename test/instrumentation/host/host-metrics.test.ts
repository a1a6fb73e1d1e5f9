import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentHost, instrumentProcess } from '../../../src/instrumentation/host/host-metrics.js';
import { instrumentRuntime } from '../../../src/instrumentation/host/runtime.js';
import { CollectedMetrics } from '../collected-metrics.js';

async function names(metrics: CollectedMetrics): Promise<string[]> {
  const found = await metrics.all();
  return found.filter(({ dataPoints }) => dataPoints.length > 0).map(({ descriptor }) => descriptor.name);
}

test('host metrics are collected while switched on, one series per state whatever the number of CPUs', async (context) => {
  const metrics = new CollectedMetrics();
  context.after(() => metrics.shutdown());
  const host = instrumentHost(metrics.provider);
  assert.deepEqual(await names(metrics), []);
  host.start();
  host.start();
  const collected = await names(metrics);
  for (const name of [
    'system.cpu.time',
    'system.memory.usage',
    'system.network.io',
    'system.filesystem.usage',
  ]) {
    assert.ok(collected.includes(name), name);
  }
  const cpu = await metrics.series('system.cpu.time');
  const states = Object.keys(cpu).map((series) => series.slice(series.indexOf('=') + 1));
  assert.deepEqual(states.toSorted(), ['idle', 'interrupt', 'nice', 'system', 'user']);
  const used = Object.values(await metrics.series('system.filesystem.usage'));
  assert.ok(used.length === 3 && used.every((bytes) => bytes >= 0));
  assert.equal((await metrics.points('system.cpu.utilization')).length, 5);
  host.stop();
  // The SDK goes on to show what it was last told.
  const [stopped] = await metrics.points('system.memory.usage');
  const [still] = await metrics.points('system.memory.usage');
  assert.deepEqual(still?.value, stopped?.value);
});

test('process and runtime: event loop, garbage collection, heap, CPU and memory in fewer than 400 lines', async (context) => {
  const metrics = new CollectedMetrics();
  context.after(() => metrics.shutdown());
  const running = [
    instrumentProcess(metrics.provider),
    instrumentRuntime({ meterProvider: metrics.provider }),
  ];
  context.after(() => {
    for (const each of running) each.stop();
  });
  const host = instrumentHost(metrics.provider);
  host.start();
  let collected = await names(metrics);
  // The delay is known once its timer has fired.
  while (!collected.includes('nodejs.eventloop.delay.p99')) {
    await delay(10);
    collected = await names(metrics);
  }
  for (const name of [
    'nodejs.eventloop.delay.p99',
    'nodejs.eventloop.utilization',
    'v8js.memory.heap.used',
    'process.cpu.time',
    'process.memory.usage',
  ]) {
    assert.ok(collected.includes(name), `${name} in ${collected.join()}`);
  }
  const units = Object.fromEntries(
    (await metrics.all()).map(({ descriptor }) => [descriptor.name, descriptor.unit]),
  );
  assert.equal(units['process.memory.usage'], 'By');
  assert.equal(units['system.network.io'], 'By');
  assert.equal(units['system.cpu.utilization'], '1');
  let lines = 0;
  for (const { dataPoints } of await metrics.all()) {
    for (const { value } of dataPoints) {
      lines += typeof value === 'object' && 'buckets' in value ? value.buckets.counts.length + 2 : 1;
    }
  }
  assert.ok(lines < 400, String(lines));
});
