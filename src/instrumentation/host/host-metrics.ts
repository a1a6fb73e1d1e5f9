import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { parse } from 'node:path';

import {
  type BatchObservableResult,
  type Meter,
  type MeterProvider,
  type Observable,
  ValueType,
} from '@opentelemetry/api';

import { version } from '../../version.js';
import { CPU_STATES, type CpuTimes, readCpuTimes } from './cpu-times.js';
import { type NetworkTotals, readNetworkTotals } from './network.js';
import { RateWindow } from './rate-window.js';
import { switchable, type SwitchableInstrumentation } from './switchable.js';

/** The instrumentation scope of everything that one process of a host says for all of them. */
export const HOST_SCOPE = '@org/orchestrator/host-metrics';

/**
 * `system.cpu.*`, `system.memory.*`, `system.network.*` and `system.filesystem.usage` of the host, named and measured as
 * `@opentelemetry/host-metrics` does, but without starting a process: from /proc and /sys on Linux, and from what Node
 * knows. Off until started.
 *
 * CPUs are summed (time) and averaged (utilization): one by one, a host of 64 would be 640 lines in every scrape.
 */
export function instrumentHost(meterProvider: MeterProvider): SwitchableInstrumentation {
  const meter = meterProvider.getMeter(HOST_SCOPE, version);
  const groups = [cpuGroup, memoryGroup, networkGroup, filesystemGroup].map((group) => group(meter));
  let reading: Promise<HostReading> | undefined;
  return switchable(
    meter,
    async (result) => {
      // A flush and a scrape at the same time read once; and a disk that hangs holds one thread of Node's pool, not all.
      reading ??= readHost().finally(() => (reading = undefined));
      const seen = await reading;
      for (const group of groups) group.observe(result, seen);
    },
    groups.flatMap(({ observables }) => observables),
  );
}

interface HostReading {
  readonly cpu: CpuTimes;
  readonly memory: { readonly used: number; readonly free: number };
  readonly network: NetworkTotals | undefined;
  readonly filesystem: FilesystemUsage | undefined;
}

async function readHost(): Promise<HostReading> {
  const [cpu, filesystem] = await Promise.all([readCpuTimes(), readFilesystem().catch(() => undefined)]);
  const free = freemem();
  return { cpu, filesystem, memory: { used: totalmem() - free, free }, network: readNetworkTotals() };
}

/** Instruments that are observed from one part of a reading. */
interface Group {
  readonly observables: Observable[];
  observe(result: BatchObservableResult, reading: HostReading): void;
}

function cpuGroup(meter: Meter): Group {
  const time = meter.createObservableCounter('system.cpu.time', {
    description: 'Cpu time in seconds',
    unit: 's',
  });
  const utilization = meter.createObservableGauge('system.cpu.utilization', {
    description: 'Cpu usage time 0-1',
    unit: '1',
  });
  const window = new RateWindow();
  return {
    observables: [time, utilization],
    observe(result, { cpu: { cpus, seconds } }) {
      const grown = window.grown(seconds);
      for (const [index, state] of CPU_STATES.entries()) {
        const attributes = { 'system.cpu.state': state };
        result.observe(time, seconds[index] ?? 0, attributes);
        if (grown === undefined) continue;
        result.observe(utilization, (grown.gains[index] ?? 0) / grown.seconds / cpus, attributes);
      }
    },
  };
}

function memoryGroup(meter: Meter): Group {
  const usage = meter.createObservableGauge('system.memory.usage', {
    description: 'Memory usage in bytes',
    unit: 'By',
  });
  const utilization = meter.createObservableGauge('system.memory.utilization', {
    description: 'Memory usage 0-1',
    unit: '1',
  });
  return {
    observables: [usage, utilization],
    observe(result, { memory }) {
      const total = memory.used + memory.free;
      for (const [state, bytes] of Object.entries(memory)) {
        const attributes = { 'system.memory.state': state };
        result.observe(usage, bytes, attributes);
        result.observe(utilization, bytes / total, attributes);
      }
    },
  };
}

function networkGroup(meter: Meter): Group {
  const dropped = meter.createObservableCounter('system.network.dropped', {
    description: 'Network dropped packets',
    unit: '{packet}',
  });
  const errors = meter.createObservableCounter('system.network.errors', {
    description: 'Network errors counter',
    unit: '{error}',
  });
  const io = meter.createObservableCounter('system.network.io', {
    description: 'Network transmit and received bytes',
    unit: 'By',
  });
  return {
    observables: [dropped, errors, io],
    observe(result, { network }) {
      if (network === undefined) return;
      const { device, receive, transmit } = network;
      for (const [direction, totals] of Object.entries({ receive, transmit })) {
        const attributes = { 'system.device': device, 'network.io.direction': direction };
        result.observe(dropped, totals.dropped, attributes);
        result.observe(errors, totals.errors, attributes);
        result.observe(io, totals.bytes, attributes);
      }
    },
  };
}

/** Upstream leaves file systems out. */
function filesystemGroup(meter: Meter): Group {
  const usage = meter.createObservableGauge('system.filesystem.usage', {
    description: 'Space on the root file system, by state.',
    unit: 'By',
    valueType: ValueType.INT,
  });
  return {
    observables: [usage],
    observe(result, { filesystem }) {
      if (filesystem === undefined) return;
      for (const [state, bytes] of Object.entries(filesystem.states)) {
        result.observe(usage, bytes, {
          'system.filesystem.mountpoint': filesystem.mountpoint,
          'system.filesystem.state': state,
        });
      }
    },
  };
}

interface FilesystemUsage {
  readonly mountpoint: string;
  /** Bytes by `system.filesystem.state`. */
  readonly states: Readonly<Record<string, number>>;
}

/** Of the root file system; on Windows of the drive that Node is on. */
async function readFilesystem(): Promise<FilesystemUsage> {
  const mountpoint = parse(process.execPath).root;
  const { blocks, bfree, bavail, bsize } = await statfs(mountpoint);
  const states = {
    used: (blocks - bfree) * bsize,
    free: bavail * bsize,
    reserved: (bfree - bavail) * bsize,
  };
  return { mountpoint, states };
}
