import { performance } from 'node:perf_hooks';

import type { BatchObservableResult, MeterProvider } from '@opentelemetry/api';

import { version } from '../../version.js';
import type { Instrumentation } from '../instrumentation.js';
import { DelayWindow, type DelayStatistics } from './delay-window.js';
import { PROCESS_SCOPE } from './process-metrics.js';
import { RateWindow } from './rate-window.js';

/** Milliseconds: the default scrape interval of Prometheus, so that a scrape shows everything since the one before. */
const SCRAPE_MS = 60_000;

/** Milliseconds between two samples of the delay. Each wakes the process for 45 µs: at the usual 10 ms that is 4 ms of CPU a second. */
const SAMPLE_MS = 40;

const DESCRIPTIONS: Readonly<Record<keyof DelayStatistics, string>> = {
  min: 'Event loop minimum delay.',
  max: 'Event loop maximum delay.',
  mean: 'Event loop mean delay.',
  stddev: 'Event loop standard deviation delay.',
  p50: 'Event loop 50 percentile delay.',
  p90: 'Event loop 90 percentile delay.',
  p99: 'Event loop 99 percentile delay.',
};

/**
 * `nodejs.eventloop.delay.*` and `nodejs.eventloop.utilization`, named as `@opentelemetry/instrumentation-runtime-node` does.
 * Upstream's gauges begin anew with each collection, so that of two scrapers the second one sees nothing; and their delay
 * of an idle event loop is the sampling interval. On until stopped.
 *
 * @param flushMs between two flushes
 */
export function instrumentEventLoop(meterProvider: MeterProvider, flushMs: number): Instrumentation {
  const meter = meterProvider.getMeter(PROCESS_SCOPE, version);
  const names = Object.keys(DESCRIPTIONS) as Array<keyof DelayStatistics>;
  const gauges = names.map((name) => ({
    name,
    gauge: meter.createObservableGauge(`nodejs.eventloop.delay.${name}`, {
      description: DESCRIPTIONS[name],
      unit: 's',
    }),
  }));
  const utilization = meter.createObservableGauge('nodejs.eventloop.utilization', {
    description: 'Event loop utilization',
    unit: '1',
  });
  // A scrape of another process shows the values of this one's last flush.
  const delay = new DelayWindow(SCRAPE_MS + flushMs, SAMPLE_MS);
  const window = new RateWindow();
  const read = (): readonly number[] => {
    const { active, idle } = performance.eventLoopUtilization();
    return [active, idle];
  };
  window.grown(read());
  const observables = [utilization, ...gauges.map(({ gauge }) => gauge)];
  const observe = (result: BatchObservableResult): void => {
    const [active = 0, idle = 0] = window.grown(read())?.gains ?? [];
    if (active + idle > 0) result.observe(utilization, active / (active + idle));
    const statistics = delay.read();
    if (statistics === undefined) return;
    for (const { name, gauge } of gauges) result.observe(gauge, statistics[name]);
  };
  meter.addBatchObservableCallback(observe, observables);
  return {
    stop() {
      meter.removeBatchObservableCallback(observe, observables);
      delay.stop();
    },
  };
}
