import type { PackageUse } from '../../source/package-use.js';
import type { MetricMove, Remark } from '../metric-move.js';
import { placeOf, type Library } from './library.js';

/** Metrics of pm2-prometheus-exporter and pm2-prom-module, which ask PM2 itself. */
const MODULE_METRICS: readonly MetricMove[] = [
  { from: 'pm2_up', to: undefined, note: 'up of the scrape, and orchestrator_instances' },
  {
    from: 'pm2_cpu',
    to: 'process_cpu_utilization_ratio',
    rewritable: false,
    note: 'a ratio, not a percentage, with one series for each process_cpu_state',
  },
  {
    from: 'pm2_memory',
    to: 'process_memory_usage_bytes',
    rewritable: false,
    note: 'by service_instance_id; orchestrator_instance_info has its pm2_id',
  },
  { from: 'pm2_uptime', to: undefined, note: 'orchestrator_instance_info lists the live processes' },
  { from: 'pm2_instances', to: 'orchestrator_instances', rewritable: false, note: 'of the whole project' },
  {
    from: 'pm2_available_apps',
    to: 'orchestrator_instances',
    rewritable: false,
    note: 'of the whole project',
  },
  { from: 'pm2_restarts', to: undefined, note: 'the alert InstancesRestarting sees a loop of crashes' },
  {
    from: 'pm2_event_loop_latency_p50',
    to: 'nodejs_eventloop_delay_p50_seconds',
    rewritable: false,
    note: 'in seconds, not milliseconds',
  },
  {
    from: 'pm2_event_loop_latency_p95',
    to: 'nodejs_eventloop_delay_p99_seconds',
    rewritable: false,
    note: 'the 99th percentile, in seconds',
  },
  {
    from: 'pm2_used_heap_size',
    to: 'v8js_memory_heap_used_bytes',
    rewritable: false,
    note: 'in bytes, by heap space',
  },
];

const OWN = /^(?:init\.\(\)\.)?(?:metric|counter|gauge|meter|histogram|transpose)$/;

/** PM2's own metrics (`@pm2/io`, `pmx`), and modules that hand PM2's numbers to Prometheus. */
export const pm2Modules: Library = {
  title: 'PM2 modules',
  packages: [
    '@pm2/io',
    'pmx',
    'pm2-prometheus-exporter',
    'pm2-prom-module',
    'pm2-prom-module-client',
    'pm2-metrics',
  ],
  analyze: (uses, packages) => ({
    // @pm2/io and pmx show their numbers in PM2 alone.
    moves: packages.some((name) => name.startsWith('pm2-')) ? MODULE_METRICS : [],
    remarks: uses.flatMap(remarkOf),
    settings: {},
  }),
};

function remarkOf(use: PackageUse): Remark[] {
  const place = placeOf(use);
  if (use.packageName === 'pm2-prom-module-client')
    return [
      {
        place,
        text: 'Hands the metrics of prom-client to the PM2 module. It may stay; the orchestrator needs no module.',
      },
    ];
  if (!OWN.test(use.member)) return [];
  return [
    {
      place,
      text: `PM2 shows this ${use.member.split('.').at(-1) ?? 'metric'}, and Prometheus never sees it. Record it with @opentelemetry/api to have it in the sum.`,
    },
  ];
}
