/** Meters whose `system.*` instruments describe the host; their `process.*` ones describe the process. */
const HOST_METERS: ReadonlySet<string> = new Set([
  '@opentelemetry/host-metrics',
  '@opentelemetry/instrumentation-host-metrics',
  '@org/orchestrator/host-metrics',
]);

/**
 * Whether each process of a host would report the same numbers. The name alone proves nothing: an application may call its own
 * counters `system.orders`.
 */
export function describesHost(meter: string, metric: string): boolean {
  return HOST_METERS.has(meter) && metric.startsWith('system.');
}
