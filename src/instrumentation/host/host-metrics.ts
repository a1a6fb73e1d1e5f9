import { statfs } from 'node:fs/promises';
import { parse } from 'node:path';

import {
  type Attributes,
  type BatchObservableCallback,
  type BatchObservableResult,
  type Meter,
  type MeterProvider,
  type MetricOptions,
  type Observable,
  ValueType,
} from '@opentelemetry/api';
import { HostMetrics } from '@opentelemetry/host-metrics';

/** Collection that is switched on and off: of the processes of one host, one needs to do it. */
export interface SwitchableInstrumentation {
  start(): void;
  stop(): void;
}

interface Registered {
  readonly meter: Meter;
  readonly callback: BatchObservableCallback;
  readonly observables: Observable[];
}

const LOGICAL_NUMBER = 'system.cpu.logical_number';

/** `process.cpu.*` and `process.memory.usage` of this process. On until stopped. */
export function instrumentProcess(meterProvider: MeterProvider): SwitchableInstrumentation {
  const instrumentation = hostMetrics(meterProvider, ['process.cpu', 'process.memory']);
  instrumentation.start();
  return instrumentation;
}

/**
 * `system.cpu.*`, `system.memory.*`, `system.network.*` and `system.filesystem.*` of the host. Off until started.
 *
 * CPUs are summed (time) and averaged (utilization): one by one, a host of 64 would be 640 lines in every scrape.
 */
export function instrumentHost(meterProvider: MeterProvider): SwitchableInstrumentation {
  const system = hostMetrics(meterProvider, ['system.cpu', 'system.memory', 'system.network']);
  const filesystem = filesystemMetrics(meterProvider);
  return {
    start() {
      system.start();
      filesystem.start();
    },
    stop() {
      system.stop();
      filesystem.stop();
    },
  };
}

/** Upstream's collector has no end; its callbacks pass through here, where they can be taken off the meter and put back. */
function hostMetrics(meterProvider: MeterProvider, metricGroups: string[]): SwitchableInstrumentation {
  const registered: Registered[] = [];
  const observed: MeterProvider = {
    getMeter(name, version, options) {
      const meter = meterProvider.getMeter(name, version, options);
      const recording: Meter = Object.create(meter);
      const counters = new Set<Observable>();
      recording.createObservableCounter = (metric, described) => {
        const counter = meter.createObservableCounter(metric, withUnit(metric, described));
        counters.add(counter);
        return counter;
      };
      recording.createObservableGauge = (metric, described) =>
        meter.createObservableGauge(metric, withUnit(metric, described));
      recording.addBatchObservableCallback = (callback, observables) => {
        registered.push({ meter, callback: withoutCpuNumbers(callback, counters), observables });
      };
      return recording;
    },
  };
  new HostMetrics({ meterProvider: observed, metricGroups }).start();
  return switchable(registered);
}

/** Upstream leaves units out where the semantic conventions have them; Prometheus names are made of them. */
function withUnit(name: string, options: MetricOptions | undefined): MetricOptions {
  return { unit: UNITS[name] ?? '', ...options };
}

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

function switchable(registered: readonly Registered[]): SwitchableInstrumentation {
  let running = false;
  return {
    start() {
      if (running) return;
      running = true;
      for (const { meter, callback, observables } of registered)
        meter.addBatchObservableCallback(callback, observables);
    },
    stop() {
      if (!running) return;
      running = false;
      for (const { meter, callback, observables } of registered) {
        meter.removeBatchObservableCallback(callback, observables);
      }
    },
  };
}

interface Merged {
  readonly metric: Observable;
  readonly attributes: Attributes;
  sum: number;
  cpus: number;
}

/** Sums counters over CPUs, and averages gauges. */
function withoutCpuNumbers(
  callback: BatchObservableCallback,
  counters: ReadonlySet<Observable>,
): BatchObservableCallback {
  return async (result) => {
    const merged = new Map<Observable, Map<string, Merged>>();
    const merging: BatchObservableResult = {
      observe(metric, value, attributes = {}) {
        if (!(LOGICAL_NUMBER in attributes)) {
          result.observe(metric, value, attributes);
          return;
        }
        const { [LOGICAL_NUMBER]: _number, ...rest } = attributes;
        let byState = merged.get(metric);
        if (byState === undefined) {
          byState = new Map();
          merged.set(metric, byState);
        }
        const state = JSON.stringify(rest);
        const entry = byState.get(state);
        if (entry === undefined) byState.set(state, { metric, attributes: rest, sum: value, cpus: 1 });
        else {
          entry.sum += value;
          entry.cpus++;
        }
      },
    };
    await callback(merging);
    for (const byState of merged.values()) {
      for (const { metric, attributes, sum, cpus } of byState.values()) {
        result.observe(metric, counters.has(metric) ? sum : sum / cpus, attributes);
      }
    }
  };
}

/** The file system of the root, which upstream leaves out. */
function filesystemMetrics(meterProvider: MeterProvider): SwitchableInstrumentation {
  const meter = meterProvider.getMeter('@org/orchestrator/host-metrics');
  const options = { valueType: ValueType.INT };
  const usage = meter.createObservableGauge('system.filesystem.usage', {
    ...options,
    description: 'Space on the root file system, by state.',
    unit: 'By',
  });
  // On Windows the drive that Node is on.
  const mountpoint = parse(process.execPath).root;
  const callback: BatchObservableCallback = async (result) => {
    const { blocks, bfree, bavail, bsize } = await statfs(mountpoint);
    const states = { used: blocks - bfree, free: bavail, reserved: bfree - bavail };
    for (const [state, count] of Object.entries(states)) {
      result.observe(usage, count * bsize, {
        'system.filesystem.mountpoint': mountpoint,
        'system.filesystem.state': state,
      });
    }
  };
  return switchable([{ meter, callback, observables: [usage] }]);
}
