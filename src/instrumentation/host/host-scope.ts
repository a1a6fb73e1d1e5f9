import { HOST_SCOPE } from './host-metrics.js';

/** Meters whose `system.*` instruments describe the host; what else they have describes the process. */
const HOST_METERS: ReadonlySet<string> = new Set([
  HOST_SCOPE,
  // An application may bring upstream's own, in each of its processes.
  '@opentelemetry/host-metrics',
  '@opentelemetry/instrumentation-host-metrics',
]);

/**
 * Whether each process of a host would report the same numbers. The name alone proves nothing: an application may call its own
 * counters `system.orders`.
 */
export function describesHost(meter: string, metric: string): boolean {
  return HOST_METERS.has(meter) && metric.startsWith('system.');
}
