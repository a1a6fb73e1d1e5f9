import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { describe, test } from 'node:test';

import { HostMetrics } from '@opentelemetry/host-metrics';
import type { MetricData } from '@opentelemetry/sdk-metrics';

import { instrumentHost } from '../../../src/instrumentation/host/host-metrics.js';
import { instrumentProcess } from '../../../src/instrumentation/host/process-metrics.js';
import { attributesText, CollectedMetrics } from '../collected-metrics.js';
import { eventually } from '../../helpers/eventually.js';

type Values = Record<string, Record<string, number>>;

/** By metric and attribute set; CPUs are put together as ours are: counters as a sum, gauges as a mean. */
function valuesOf(all: readonly MetricData[]): Values {
  const values: Values = {};
  for (const { descriptor, dataPoints } of all) {
    const series = (values[descriptor.name] ??= {});
    const share = descriptor.name.endsWith('utilization') ? cpus().length : 1;
    for (const { attributes, value } of dataPoints) {
      assert.ok(typeof value === 'number');
      const { 'system.cpu.logical_number': number, ...rest } = attributes;
      const key = attributesText(rest);
      series[key] = (series[key] ?? 0) + (number === undefined ? value : value / share);
    }
  }
  return values;
}

describe('host and process metrics are those of @opentelemetry/host-metrics, measured without a process', () => {
  test('name, description, type, unit and attributes', async (t) => {
    const [ours, upstream] = [new CollectedMetrics(), new CollectedMetrics()];
    t.after(() => Promise.all([ours.shutdown(), upstream.shutdown()]));
    instrumentProcess(ours.provider);
    instrumentHost(ours.provider).start();
    new HostMetrics({ meterProvider: upstream.provider }).start();
    const descriptions = async (metrics: CollectedMetrics): Promise<object[]> => {
      const all = await metrics.all();
      const attributes = valuesOf(all);
      return all.map(({ descriptor: { name, description, unit }, dataPointType }) => ({
        name,
        description,
        dataPointType,
        // Upstream leaves units out where the semantic conventions have them; Prometheus names are made of them.
        unit: unit || UNITS[name],
        series: Object.keys(attributes[name] ?? {}).toSorted(),
      }));
    };
    const expected = await descriptions(upstream);
    assert.equal(expected.length, 10);
    // The gauges over a second come with the second.
    await eventually(async () => {
      const described = await descriptions(ours);
      for (const metric of expected)
        assert.deepEqual(
          described.find((candidate) => 'name' in metric && Reflect.get(candidate, 'name') === metric.name),
          metric,
        );
    });
  });

  test('values', async (t) => {
    const [ours, upstream] = [new CollectedMetrics(), new CollectedMetrics()];
    t.after(() => Promise.all([ours.shutdown(), upstream.shutdown()]));
    instrumentProcess(ours.provider);
    instrumentHost(ours.provider).start();
    new HostMetrics({ meterProvider: upstream.provider }).start();
    // Upstream takes the first reading for the beginning.
    await upstream.all();
    await ours.all();
    const end = performance.now() + 1500;
    while (performance.now() < end) Math.sqrt(end);

    const before = valuesOf(await ours.all());
    const theirs = valuesOf(await upstream.all());
    const after = valuesOf(await ours.all());
    for (const name of [
      'process.cpu.time',
      'system.cpu.time',
      'system.network.io',
      'system.network.dropped',
      'system.network.errors',
    ]) {
      const series = Object.entries(theirs[name] ?? {});
      assert.ok(series.length > 0, name);
      for (const [key, value] of series) {
        // The kernel counts in hundredths of a second, for each CPU; microseconds in seconds are rounded in more than one way.
        const tick = name === 'system.cpu.time' ? 0.01 * cpus().length + 0.001 : 1e-9;
        const [low = NaN, high = NaN] = [before[name]?.[key], after[name]?.[key]];
        assert.ok(low - tick <= value && value <= high + tick, `${name} ${key}: ${low}, ${value}, ${high}`);
      }
    }
    for (const name of ['system.memory.usage', 'process.memory.usage', 'system.memory.utilization']) {
      for (const [key, value] of Object.entries(theirs[name] ?? {})) {
        const found = after[name]?.[key] ?? NaN;
        assert.ok(Math.abs(found - value) < 0.2 * value, `${name} ${key}: ${found}, ${value}`);
      }
    }
    // A process that was busy for the whole window used one CPU, or what a busy machine left to it.
    const used = Object.values(after['process.cpu.utilization'] ?? {}).reduce((sum, value) => sum + value, 0);
    assert.ok(used > 0.02 / cpus().length && used < 1.1 / cpus().length, String(used));
    const all = Object.values(after['system.cpu.utilization'] ?? {});
    assert.equal(all.length, 5);
    const sum = all.reduce((total, value) => total + value, 0);
    assert.ok(sum > 0.1 && sum < 1.1, String(sum));
  });

  test('are collected while switched on', async (t) => {
    const metrics = new CollectedMetrics();
    t.after(() => metrics.shutdown());
    const host = instrumentHost(metrics.provider);
    assert.deepEqual(await metrics.all(), []);
    host.start();
    host.start();
    assert.equal((await metrics.points('system.filesystem.usage')).length, 3);
    assert.equal((await metrics.points('system.memory.usage')).length, 2);
    host.stop();
    // The SDK goes on to show what it was last told.
    const stopped = await metrics.series('system.memory.usage');
    assert.deepEqual(await metrics.series('system.memory.usage'), stopped);
  });
});

const UNITS: Readonly<Record<string, string>> = {
  'process.cpu.utilization': '1',
  'process.memory.usage': 'By',
  'system.cpu.utilization': '1',
  'system.memory.usage': 'By',
  'system.memory.utilization': '1',
  'system.network.dropped': '{packet}',
  'system.network.errors': '{error}',
  'system.network.io': 'By',
};
