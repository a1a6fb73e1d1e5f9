import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { toClients, toItself, toRoutes, toRuntime } from './links.js';
import { graph, heatmap, stat, table } from './panels.js';
import { max, of, quantile, rate, share, sum } from './promql.js';

const DURATION = 'http_server_request_duration_seconds';
const requests = (...matchers: readonly string[]): string => rate(of(`${DURATION}_count`, ...matchers));
const FAILED = 'http_response_status_code=~"5.."';

const STATUS_COLORS = {
  '^2xx$': 'green',
  '^3xx$': 'blue',
  '^4xx$': 'orange',
  '^5xx$': 'red',
  '^aborted$': 'purple',
};

/** `200` -> `2xx`, in a label of its own; what was aborted before it had a status is `aborted`. */
function statusClass(vector: string, label: string): string {
  const classed = `label_replace(${vector}, "status", "\${1}xx", "${label}", "([1-5])..")`;
  return `label_replace(${classed}, "status", "aborted", "${label}", "")`;
}

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Requests',
      description:
        'Requests per second that were answered by all processes of the project together. Counted where they end, so a request that is still running is not in it.',
      unit: 'reqps',
      query: [sum(requests()), 'requests'],
      link: toRoutes,
    }),
    stat({
      title: 'Errors',
      description: 'Share of requests answered with a status of 500 or above.',
      unit: 'percentunit',
      decimals: 2,
      warnAt: 0.001,
      alarmAt: 0.01,
      query: [share(sum(requests(FAILED)), sum(requests())), 'errors'],
      noValue: 'No traffic',
      link: toRoutes,
    }),
    stat({
      title: 'Latency, 95 %',
      description: '95 of 100 requests took no longer than this. Interpolated within a bucket.',
      unit: 's',
      warnAt: 0.5,
      alarmAt: 2,
      query: [quantile(0.95, of(`${DURATION}_bucket`)), '95 %'],
      noValue: 'No traffic',
      link: toRoutes,
    }),
    stat({
      title: 'In progress',
      description: 'Requests that were being worked on at the moment of the scrape, over all processes.',
      unit: 'short',
      query: [sum(of('http_server_active_requests')), 'in progress'],
      link: toRuntime,
    }),
    stat({
      title: 'Busiest event loop',
      description:
        'Utilization of the busiest process. At 100 % its requests wait for each other, whatever the CPU of the host says.',
      unit: 'percentunit',
      warnAt: 0.7,
      alarmAt: 0.9,
      query: [max(of('nodejs_eventloop_utilization_ratio')), 'utilization'],
      link: toRuntime,
    }),
    stat({
      title: 'Instances',
      description:
        'Processes that have reported within their lease: the last 15 seconds, or three flush intervals.',
      unit: 'short',
      query: [sum(of('orchestrator_instances')), 'instances'],
      link: toItself,
    }),
  ],
};

const traffic: Row = {
  title: 'Traffic and errors',
  panels: [
    graph({
      title: 'Requests by status',
      description:
        'Requests per second by class of status. "aborted" are those whose client left before the answer.',
      unit: 'reqps',
      stacked: true,
      colors: STATUS_COLORS,
      queries: [[sum(statusClass(requests(), 'http_response_status_code'), 'status'), '{{status}}']],
      link: toRoutes,
    }),
    graph({
      title: 'Error ratio',
      description:
        "Share of requests answered with 500 or above, and with 400 to 499. The latter are mostly the clients' doing.",
      unit: 'percentunit',
      colors: { '^5xx$': 'red', '^4xx$': 'orange' },
      queries: [
        [share(sum(requests(FAILED)), sum(requests())), '5xx'],
        [share(sum(requests('http_response_status_code=~"4.."')), sum(requests())), '4xx'],
      ],
      link: toRoutes,
    }),
  ],
};

const latency: Row = {
  title: 'Latency',
  panels: [
    graph({
      title: 'Latency percentiles',
      description:
        'How long 50, 90, 95 and 99 of 100 requests took at most, over all processes: computed from the summed buckets, not averaged from each.',
      unit: 's',
      queries: [0.99, 0.95, 0.9, 0.5].map(
        (q) => [quantile(q, of(`${DURATION}_bucket`)), `${q * 100} %`] as const,
      ),
      link: toRoutes,
    }),
    heatmap({
      title: 'Latency distribution',
      description:
        'Requests in each bucket of duration. Two bands mean two kinds of requests, which a percentile hides.',
      unit: 's',
      query: sum(`increase(${of(`${DURATION}_bucket`)}[$__rate_interval])`, 'le'),
      link: toRoutes,
    }),
  ],
};

const saturation: Row = {
  title: 'Saturation and instances',
  panels: [
    graph({
      title: 'Event loop utilization',
      description:
        'The busiest and the average process. A large distance means that traffic is not spread evenly.',
      unit: 'percentunit',
      max: 1,
      width: 8,
      queries: [
        [max(of('nodejs_eventloop_utilization_ratio')), 'busiest'],
        [`avg(${of('nodejs_eventloop_utilization_ratio')})`, 'average'],
      ],
      link: toRuntime,
    }),
    graph({
      title: 'Requests in progress',
      description: 'Rises when answers become slower, before the error ratio does.',
      unit: 'short',
      width: 8,
      queries: [[sum(of('http_server_active_requests'), 'http_request_method'), '{{http_request_method}}']],
      link: toClients,
    }),
    graph({
      title: 'Instances',
      description: 'Living processes of each project. Annotations mark when all of them ran a new version.',
      unit: 'short',
      width: 8,
      queries: [[sum(of('orchestrator_instances'), 'job'), '{{job}}']],
      link: toItself,
    }),
    graph({
      title: 'CPU of all processes',
      description: 'Seconds of CPU per second: 1 is one core that is fully used.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [
        [sum(rate(of('process_cpu_time_seconds_total')), 'process_cpu_state'), '{{process_cpu_state}}'],
      ],
      link: toRuntime,
    }),
    graph({
      title: 'Memory of all processes',
      description: 'Resident memory: sum over the processes, and the largest of them.',
      unit: 'bytes',
      width: 8,
      queries: [
        [sum(of('process_memory_usage_bytes')), 'all'],
        [max(of('process_memory_usage_bytes')), 'largest'],
      ],
      link: toRuntime,
    }),
    table({
      title: 'What runs',
      description:
        'What the processes of a project have in common. A version is missing while two of them run at once.',
      width: 8,
      height: 8,
      labels: {
        job: 'Project',
        service_version: 'Version',
        process_runtime_version: 'Node.js',
        telemetry_distro_version: 'Orchestrator',
      },
      columns: [
        {
          title: 'Targets',
          unit: 'short',
          query: `count by (job, service_version, process_runtime_version, telemetry_distro_version) (${of('target_info')})`,
        },
      ],
      sortBy: 'Project',
    }),
  ],
};

const prometheusNet: Row = {
  title: 'prometheus-net names (ORCHESTRATOR_HTTP_METRIC_NAMES=prometheus-net)',
  collapsed: true,
  panels: [
    graph({
      title: 'Requests by code',
      description: 'http_requests_received_total, as services in .NET and PHP name it.',
      unit: 'reqps',
      stacked: true,
      colors: STATUS_COLORS,
      queries: [[sum(statusClass(rate(of('http_requests_received_total')), 'code'), 'status'), '{{status}}']],
    }),
    graph({
      title: 'Errors by endpoint',
      description: 'http_errors_total: requests answered with 500 or above, or that threw.',
      unit: 'reqps',
      queries: [[sum(rate(of('http_errors_total')), 'endpoint', 'code'), '{{endpoint}} {{code}}']],
    }),
    graph({
      title: 'Latency percentiles by endpoint',
      description: '95 of 100 requests of an endpoint took no longer than this.',
      unit: 's',
      queries: [[quantile(0.95, of('http_request_duration_seconds_bucket'), 'endpoint'), '{{endpoint}}']],
    }),
    graph({
      title: 'In progress by method',
      description: 'http_requests_in_progress, over all processes.',
      unit: 'short',
      queries: [[sum(of('http_requests_in_progress'), 'method'), '{{method}}']],
    }),
  ],
};

export const projectOverview: Dashboard = board({
  uid: 'orchestrator-overview',
  title: 'Node.js / Project overview',
  description:
    'Traffic, errors, latency and saturation of a whole project: the sum of all its processes, whichever of them answered the scrape.',
  rows: [now, traffic, latency, saturation, prometheusNet],
});
