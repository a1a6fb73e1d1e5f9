import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, INSTANCE_VARIABLE, type Row } from './board.js';
import { toHost, toRoutes } from './links.js';
import { graph } from './panels.js';
import { INSTANCE, max, mean, of, quantile, rate, sum } from './promql.js';

const BY_INSTANCE = '{{service_instance_id}}';
const gauge = (name: string, ...matchers: readonly string[]): string => of(name, INSTANCE, ...matchers);
const perInstance = (name: string): string => sum(gauge(name), 'service_instance_id');

const eventLoop: Row = {
  title: 'Event loop',
  panels: [
    graph({
      title: 'Utilization',
      description:
        'Share of time in which the event loop was busy, by process. Above 70 % requests begin to wait for each other.',
      unit: 'percentunit',
      max: 1,
      queries: [[perInstance('nodejs_eventloop_utilization_ratio'), BY_INSTANCE]],
      link: toRoutes,
    }),
    graph({
      title: 'Delay, 99 %',
      description:
        'How much later than asked 99 of 100 timers of the last minute ran, by process. An idle process shows about 0.',
      unit: 's',
      queries: [[perInstance('nodejs_eventloop_delay_p99_seconds'), BY_INSTANCE]],
    }),
    graph({
      title: 'Delay of the worst process',
      description: 'Percentiles and maximum of the delay over the last minute, the highest of all processes.',
      unit: 's',
      queries: (
        [
          ['max', 'max'],
          ['p99', '99 %'],
          ['p90', '90 %'],
          ['p50', '50 %'],
          ['mean', 'mean'],
        ] as const
      ).map(([name, legend]) => [max(gauge(`nodejs_eventloop_delay_${name}_seconds`)), legend] as const),
    }),
    graph({
      title: 'Time active and idle',
      description:
        'Seconds per second that all event loops together were active and idle; their sum is the number of processes.',
      unit: 'short',
      stacked: true,
      queries: [
        [
          sum(rate(of('nodejs_eventloop_time_seconds_total')), 'nodejs_eventloop_state'),
          '{{nodejs_eventloop_state}}',
        ],
      ],
    }),
  ],
};

const process: Row = {
  title: 'CPU and memory of the processes',
  panels: [
    graph({
      title: 'CPU',
      description: 'Share of one core, by process.',
      unit: 'percentunit',
      queries: [[perInstance('process_cpu_utilization_ratio'), BY_INSTANCE]],
      link: toHost,
    }),
    graph({
      title: 'Resident memory',
      description:
        'What the operating system counts: heap, buffers, code and stacks. Grows without the heap when buffers leak.',
      unit: 'bytes',
      queries: [[perInstance('process_memory_usage_bytes'), BY_INSTANCE]],
      link: toHost,
    }),
  ],
};

const heap: Row = {
  title: 'Heap',
  panels: [
    graph({
      title: 'Heap used',
      description:
        'Bytes in use on the JavaScript heap, by process. A sawtooth whose low points rise is a leak.',
      unit: 'bytes',
      queries: [[perInstance('v8js_memory_heap_used_bytes'), BY_INSTANCE]],
    }),
    graph({
      title: 'Heap used by space',
      description: 'Bytes in use by heap space, over the chosen processes.',
      unit: 'bytes',
      stacked: true,
      queries: [
        [
          sum(gauge('v8js_memory_heap_used_bytes'), 'v8js_heap_space_name') + ' > 0',
          '{{v8js_heap_space_name}}',
        ],
      ],
    }),
    graph({
      title: 'Heap, used and committed',
      description: 'Bytes in use, and bytes that the heap spaces physically hold, over the chosen processes.',
      unit: 'bytes',
      queries: [
        [sum(gauge('v8js_memory_heap_space_physical_size_bytes')), 'physical'],
        [sum(gauge('v8js_memory_heap_used_bytes')), 'used'],
      ],
    }),
    graph({
      title: 'Active resources',
      description:
        'What keeps the processes busy or alive: timers, sockets, files. A kind that only ever grows is not being closed.',
      unit: 'short',
      queries: [[sum(gauge('v8js_resource_active'), 'v8js_resource_type'), '{{v8js_resource_type}}']],
    }),
  ],
};

const gc: Row = {
  title: 'Garbage collection',
  panels: [
    graph({
      title: 'Time in garbage collection',
      description: 'Share of one core that all processes together spent on it, by kind.',
      unit: 'percentunit',
      width: 8,
      stacked: true,
      queries: [[sum(rate(of('v8js_gc_duration_seconds_sum')), 'v8js_gc_type'), '{{v8js_gc_type}}']],
    }),
    graph({
      title: 'Collections',
      description:
        'Garbage collections per second, by kind. "minor" clears short-lived objects, "major" the old ones.',
      unit: 'ops',
      width: 8,
      queries: [[sum(rate(of('v8js_gc_duration_seconds_count')), 'v8js_gc_type'), '{{v8js_gc_type}}']],
    }),
    graph({
      title: 'Pauses',
      description:
        '99 of 100 pauses were no longer than this; and the mean. The event loop stands still for that long.',
      unit: 's',
      width: 8,
      queries: [
        [quantile(0.99, of('v8js_gc_duration_seconds_bucket')), '99 %'],
        [mean('v8js_gc_duration_seconds', []), 'mean'],
      ],
    }),
  ],
};

export const runtime: Dashboard = board({
  uid: 'orchestrator-runtime',
  title: 'Node.js / Runtime',
  description: 'Event loop, heap, garbage collection, CPU and memory of each process of a project.',
  variables: [INSTANCE_VARIABLE],
  rows: [eventLoop, process, heap, gc],
});
