import type { MetricMove } from '../metric-move.js';

const SPACES = { space: 'v8js_heap_space_name' } as const;

/** prom-client takes `_space` off the names of V8's heap spaces. */
const SPACE_VALUES = {
  space: Object.fromEntries(
    [
      'read_only',
      'new',
      'old',
      'code',
      'map',
      'shared',
      'trusted',
      'large_object',
      'code_large_object',
      'new_large_object',
    ].map((name) => [name, `${name}_space`]),
  ),
} as const;

const lag = (part: string, to = part): MetricMove => ({
  from: `nodejs_eventloop_lag${part}_seconds`,
  to: `nodejs_eventloop_delay${to}_seconds`,
  note: 'of the last minute',
});

/** What `collectDefaultMetrics()` of prom-client exposes, without a prefix. */
const DEFAULTS: readonly MetricMove[] = [
  {
    from: 'process_cpu_user_seconds_total',
    to: 'process_cpu_time_seconds_total',
    matcher: 'process_cpu_state="user"',
  },
  {
    from: 'process_cpu_system_seconds_total',
    to: 'process_cpu_time_seconds_total',
    matcher: 'process_cpu_state="system"',
  },
  { from: 'process_cpu_seconds_total', to: 'process_cpu_time_seconds_total', summed: true },
  { from: 'process_resident_memory_bytes', to: 'process_memory_usage_bytes' },
  {
    from: 'process_start_time_seconds',
    to: undefined,
    note: 'orchestrator_instance_info lists the live processes',
  },
  { from: 'process_virtual_memory_bytes', to: undefined },
  { from: 'process_heap_bytes', to: undefined },
  { from: 'process_open_fds', to: undefined },
  { from: 'process_max_fds', to: undefined },
  { ...lag(''), to: 'nodejs_eventloop_delay_mean_seconds' },
  ...['_min', '_max', '_mean', '_stddev', '_p50', '_p90', '_p99'].map((part) => lag(part)),
  { from: 'nodejs_active_resources', to: 'v8js_resource_active', labels: { type: 'v8js_resource_type' } },
  { from: 'nodejs_active_resources_total', to: 'v8js_resource_active', summed: true },
  {
    from: 'nodejs_active_handles',
    to: undefined,
    note: 'v8js_resource_active counts what keeps the event loop alive',
  },
  {
    from: 'nodejs_active_handles_total',
    to: undefined,
    note: 'v8js_resource_active counts what keeps the event loop alive',
  },
  { from: 'nodejs_active_requests', to: undefined },
  { from: 'nodejs_active_requests_total', to: undefined },
  { from: 'nodejs_heap_size_total_bytes', to: 'v8js_memory_heap_space_size_bytes', summed: true },
  { from: 'nodejs_heap_size_used_bytes', to: 'v8js_memory_heap_used_bytes', summed: true },
  { from: 'nodejs_external_memory_bytes', to: undefined },
  {
    from: 'nodejs_heap_space_size_total_bytes',
    to: 'v8js_memory_heap_space_size_bytes',
    labels: SPACES,
    values: SPACE_VALUES,
  },
  {
    from: 'nodejs_heap_space_size_used_bytes',
    to: 'v8js_memory_heap_used_bytes',
    labels: SPACES,
    values: SPACE_VALUES,
  },
  {
    from: 'nodejs_heap_space_size_available_bytes',
    to: 'v8js_memory_heap_space_available_size_bytes',
    labels: SPACES,
    values: SPACE_VALUES,
  },
  { from: 'nodejs_version_info', to: undefined, note: 'target_info has process_runtime_version' },
  {
    from: 'nodejs_gc_duration_seconds',
    to: 'v8js_gc_duration_seconds',
    histogram: true,
    labels: { kind: 'v8js_gc_type' },
  },
];

/** @param prefix the option of `collectDefaultMetrics` */
export function defaultMetricMoves(prefix = ''): MetricMove[] {
  return DEFAULTS.map((move) => ({ ...move, from: prefix + move.from }));
}
