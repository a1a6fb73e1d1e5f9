import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { toRuntime } from './links.js';
import { graph, stat } from './panels.js';
import { max, of, rate, share, sum } from './promql.js';

const host = (name: string, ...matchers: readonly string[]): string =>
  of(name, 'host_name=~"$host"', ...matchers);
const cpu = (...matchers: readonly string[]): string =>
  rate(host('system_cpu_time_seconds_total', ...matchers));
const memory = (...matchers: readonly string[]): string => host('system_memory_usage_bytes', ...matchers);
const disk = (...matchers: readonly string[]): string => host('system_filesystem_usage_bytes', ...matchers);
const cpuBusy = share(sum(cpu('system_cpu_state!="idle"'), 'host_name'), sum(cpu(), 'host_name'));
const memoryUsed = share(sum(memory('system_memory_state="used"'), 'host_name'), sum(memory(), 'host_name'));
const diskUsed = share(sum(disk('system_filesystem_state="used"'), 'host_name'), sum(disk(), 'host_name'));

const now: Row = {
  title: 'Now, the fullest host',
  panels: [
    stat({
      title: 'Hosts',
      description: 'Hosts on which a process of the project runs.',
      unit: 'short',
      width: 6,
      query: [`count(${sum(memory(), 'host_name')})`, 'hosts'],
    }),
    stat({
      title: 'CPU',
      description: 'Share of the CPU time that was not idle.',
      unit: 'percentunit',
      width: 6,
      warnAt: 0.8,
      alarmAt: 0.95,
      query: [max(cpuBusy), 'busy'],
    }),
    stat({
      title: 'Memory',
      description: 'Share of the memory that is used.',
      unit: 'percentunit',
      width: 6,
      warnAt: 0.85,
      alarmAt: 0.95,
      query: [max(memoryUsed), 'used'],
    }),
    stat({
      title: 'Root file system',
      description: 'Share of the root file system that is used.',
      unit: 'percentunit',
      width: 6,
      warnAt: 0.8,
      alarmAt: 0.9,
      query: [max(diskUsed), 'used'],
    }),
  ],
};

const compute: Row = {
  title: 'CPU and memory',
  panels: [
    graph({
      title: 'CPU by host',
      description: 'Share of the CPU time that was not idle. Everything on the host, not only this project.',
      unit: 'percentunit',
      max: 1,
      queries: [[cpuBusy, '{{host_name}}']],
      link: toRuntime,
    }),
    graph({
      title: 'CPU by state',
      description: 'Cores in each state, over the chosen hosts.',
      unit: 'short',
      stacked: true,
      queries: [[sum(cpu('system_cpu_state!="idle"'), 'system_cpu_state'), '{{system_cpu_state}}']],
    }),
    graph({
      title: 'Memory by host',
      description: 'Share of the memory that is used.',
      unit: 'percentunit',
      max: 1,
      queries: [[memoryUsed, '{{host_name}}']],
      link: toRuntime,
    }),
    graph({
      title: 'Memory by state',
      description: 'Bytes in each state, over the chosen hosts.',
      unit: 'bytes',
      stacked: true,
      queries: [[sum(memory(), 'system_memory_state'), '{{system_memory_state}}']],
    }),
  ],
};

const io: Row = {
  title: 'Network and disk',
  panels: [
    graph({
      title: 'Network',
      description: 'Bytes per second, by host and direction.',
      unit: 'Bps',
      width: 8,
      queries: [
        [
          sum(rate(host('system_network_io_bytes_total')), 'host_name', 'network_io_direction'),
          '{{host_name}} {{network_io_direction}}',
        ],
      ],
    }),
    graph({
      title: 'Network errors and drops',
      description:
        'Packets per second that were faulty or dropped. More than a few ask for a look at the interface.',
      unit: 'pps',
      width: 8,
      queries: [
        [
          sum(rate(host('system_network_errors_total')), 'network_io_direction'),
          'errors {{network_io_direction}}',
        ],
        [
          sum(rate(host('system_network_dropped_total')), 'network_io_direction'),
          'dropped {{network_io_direction}}',
        ],
      ],
    }),
    graph({
      title: 'Root file system',
      description: 'Share of the root file system that is used, by host.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [[diskUsed, '{{host_name}}']],
    }),
  ],
};

export const hosts: Dashboard = board({
  uid: 'orchestrator-host',
  title: 'Node.js / Host',
  description:
    'CPU, memory, network and disk of the hosts on which a project runs; once per host, however many processes.',
  variables: [{ name: 'host', label: 'Host', from: of('system_memory_usage_bytes'), labelName: 'host_name' }],
  rows: [now, compute, io],
});
