import type { MeterProvider } from '@opentelemetry/api';

import { version } from '../../version.js';
import { cpuCount } from './cpu-times.js';
import { RateWindow } from './rate-window.js';
import { switchable, type SwitchableInstrumentation } from './switchable.js';

/** The instrumentation scope of what one process says of itself. */
export const PROCESS_SCOPE = '@org/orchestrator/process-metrics';

/**
 * `process.cpu.time`, `process.cpu.utilization` and `process.memory.usage` of this process, named and measured as
 * `@opentelemetry/host-metrics` does. On until stopped.
 */
export function instrumentProcess(meterProvider: MeterProvider): SwitchableInstrumentation {
  const meter = meterProvider.getMeter(PROCESS_SCOPE, version);
  const cpuTime = meter.createObservableCounter('process.cpu.time', {
    description: 'Process Cpu time in seconds',
    unit: 's',
  });
  const cpuUtilization = meter.createObservableGauge('process.cpu.utilization', {
    description: 'Process Cpu usage time 0-1',
    unit: '1',
  });
  const memoryUsage = meter.createObservableGauge('process.memory.usage', {
    description: 'Process Memory usage in bytes',
    unit: 'By',
  });
  const window = new RateWindow();
  const states = ['user', 'system'].map((state) => ({ 'process.cpu.state': state }));
  const read = (): readonly number[] => {
    const { user, system } = process.cpuUsage();
    return [user / 1e6, system / 1e6];
  };
  window.grown(read());
  const instrumentation = switchable(
    meter,
    (result) => {
      const seconds = read();
      const grown = window.grown(seconds);
      const count = grown === undefined ? 1 : cpuCount();
      for (const [index, state] of states.entries()) {
        result.observe(cpuTime, seconds[index] ?? 0, state);
        if (grown !== undefined)
          result.observe(cpuUtilization, (grown.gains[index] ?? 0) / grown.seconds / count, state);
      }
      result.observe(memoryUsage, process.memoryUsage.rss());
    },
    [cpuTime, cpuUtilization, memoryUsage],
  );
  instrumentation.start();
  return instrumentation;
}
