/** A panel as data: what it shows, of what, and what to make of it. */
export interface PanelSpec {
  readonly title: string;
  readonly description: string;
  /** Of Grafana's units. */
  readonly unit: string;
  /** Expression and name of its series. */
  readonly queries: ReadonlyArray<readonly [expression: string, legend: string]>;
  /** A single number instead of a graph. */
  readonly stat?: 'number' | 'up-or-down';
  readonly width?: number;
  readonly height?: number;
}

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

const JOB = 'job=~"$job"';
const UP = `${JOB},upstream=~"$upstream"`;
const RATE = '$__rate_interval';

/** Per second, by some labels. */
function rate(metric: string, by: string, more = ''): string {
  return `sum by (${by}) (rate(${metric}{${JOB}${more}}[${RATE}]))`;
}

function quantile(q: number, metric: string, by: string, selector: string): string {
  return `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{${selector}}[${RATE}])))`;
}

const HTTP = 'http_server_request_duration_seconds';

export const ROWS: readonly RowSpec[] = [
  {
    title: 'At a glance',
    panels: [
      {
        title: 'Requests',
        description: 'Requests to routes, per second.',
        unit: 'reqps',
        stat: 'number',
        queries: [[`sum(rate(gateway_requests_total{${JOB}}[${RATE}]))`, '']],
      },
      {
        title: 'Not answered by a service',
        description:
          'Share of the requests that the gateway answered itself: timeouts, open breakers, refusals.',
        unit: 'percentunit',
        stat: 'number',
        queries: [
          [
            `sum(rate(gateway_requests_total{${JOB},outcome!~"proxied|hit|miss|revalidated|stale|websocket"}[${RATE}])) / sum(rate(gateway_requests_total{${JOB}}[${RATE}]))`,
            '',
          ],
        ],
      },
      {
        title: 'p99',
        description: '99 % of the requests to routes were answered faster.',
        unit: 's',
        stat: 'number',
        queries: [[`histogram_quantile(0.99, sum by (le) (rate(${HTTP}_bucket{${JOB}}[${RATE}])))`, '']],
      },
      {
        title: 'Breakers not closed',
        description: 'Targets that at least one process takes for broken.',
        unit: 'short',
        stat: 'number',
        queries: [[`count(max by (upstream, target) (gateway_breaker_state{${JOB}}) > 0) or vector(0)`, '']],
      },
      {
        title: 'Open flows',
        description: 'Flows that have not ended.',
        unit: 'short',
        stat: 'number',
        queries: [[`sum(max by (status) (gateway_flows_open{${JOB}}))`, '']],
      },
      {
        title: 'Dependencies',
        description: 'Database, Redis and RabbitMQ, as the worst process sees them.',
        unit: 'short',
        stat: 'up-or-down',
        queries: [[`min by (check) (app_health_status{${JOB}})`, '{{check}}']],
      },
    ],
  },
  {
    title: 'Routes',
    panels: [
      {
        title: 'Requests by outcome',
        description:
          'What became of requests: handed to a service, answered from the cache, or refused, and why.',
        unit: 'reqps',
        queries: [[rate('gateway_requests_total', 'outcome'), '{{outcome}}']],
      },
      {
        title: 'Requests by route',
        description: 'Per second.',
        unit: 'reqps',
        queries: [[rate('gateway_requests_total', 'route'), '{{route}}']],
      },
      {
        title: 'p95 by route',
        description: 'Time to the end of the answer, as clients wait for it.',
        unit: 's',
        queries: [[quantile(0.95, HTTP, 'http_route', JOB), '{{http_route}}']],
      },
      {
        title: 'Refused',
        description: 'By a rate limit, or for lack of a valid credential or a scope.',
        unit: 'reqps',
        queries: [
          [rate('gateway_rate_limited_total', 'route'), 'limit: {{route}}'],
          [rate('gateway_auth_failures_total', 'route, reason'), '{{reason}}: {{route}}'],
        ],
      },
      {
        title: 'Cache',
        description: 'Requests to routes with a cache: hit, miss, revalidated, stale.',
        unit: 'reqps',
        queries: [[rate('gateway_cache_requests_total', 'result'), '{{result}}']],
      },
      {
        title: 'WebSockets',
        description: 'Open connections.',
        unit: 'short',
        queries: [[`sum(gateway_websockets{${JOB}})`, 'open']],
      },
    ],
  },
  {
    title: 'Upstreams',
    panels: [
      {
        title: 'Attempts by outcome',
        description: 'Each attempt to reach a target. More attempts than requests are retries.',
        unit: 'reqps',
        queries: [
          [
            rate('gateway_upstream_attempts_total', 'upstream, outcome', ',upstream=~"$upstream"'),
            '{{upstream}} {{outcome}}',
          ],
        ],
      },
      {
        title: 'p95 of an attempt',
        description: 'Until the headers of the answer, or the failure, by target.',
        unit: 's',
        queries: [
          [
            quantile(0.95, 'gateway_upstream_attempt_duration_seconds', 'upstream, target', UP),
            '{{upstream}} {{target}}',
          ],
        ],
      },
      {
        title: 'Breaker state',
        description: '0 closed, 1 half open, 2 open: the worst over all processes.',
        unit: 'short',
        queries: [[`max by (upstream, target) (gateway_breaker_state{${UP}})`, '{{upstream}} {{target}}']],
      },
      {
        title: 'Breaker transitions',
        description: 'Changes of state, by the new one.',
        unit: 'short',
        queries: [
          [
            `sum by (upstream, state) (increase(gateway_breaker_transitions_total{${UP}}[${RATE}]))`,
            '{{upstream}} {{state}}',
          ],
        ],
      },
      {
        title: 'Retries',
        description: 'Attempts after the first, by the reason of the failure before.',
        unit: 'reqps',
        queries: [
          [
            rate('gateway_upstream_retries_total', 'upstream, reason', ',upstream=~"$upstream"'),
            '{{upstream}} {{reason}}',
          ],
        ],
      },
      {
        title: 'Healthy targets',
        description: 'Targets that pass their health check, as the worst process sees them.',
        unit: 'short',
        queries: [
          [`sum by (upstream) (min by (upstream, target) (gateway_target_healthy{${UP}}))`, '{{upstream}}'],
        ],
      },
      {
        title: 'Bulkhead',
        description: 'Requests under way to an upstream, and requests that wait for a place.',
        unit: 'short',
        queries: [
          [`sum by (upstream) (gateway_bulkhead_executing{${UP}})`, '{{upstream}} under way'],
          [`sum by (upstream) (gateway_bulkhead_queued{${UP}})`, '{{upstream}} waiting'],
        ],
      },
      {
        title: 'Bulkhead refusals',
        description: 'Requests refused because too many were under way.',
        unit: 'reqps',
        queries: [
          [rate('gateway_bulkhead_rejected_total', 'upstream', ',upstream=~"$upstream"'), '{{upstream}}'],
        ],
      },
    ],
  },
  {
    title: 'Flows',
    panels: [
      {
        title: 'Flows that ended',
        description: 'By action and outcome.',
        unit: 'ops',
        queries: [[rate('gateway_flows_total', 'action, outcome'), '{{action}} {{outcome}}']],
      },
      {
        title: 'Open flows',
        description: 'In the database, by status. Compensating for long: something cannot be undone.',
        unit: 'short',
        queries: [[`max by (status) (gateway_flows_open{${JOB}})`, '{{status}}']],
      },
      {
        title: 'p95 of a flow',
        description: 'From its start to its end.',
        unit: 's',
        queries: [
          [quantile(0.95, 'gateway_flow_duration_seconds', 'action, outcome', JOB), '{{action}} {{outcome}}'],
        ],
      },
      {
        title: 'p95 of a step',
        description: 'With its retries.',
        unit: 's',
        queries: [
          [quantile(0.95, 'gateway_flow_step_duration_seconds', 'action, step', JOB), '{{action}} {{step}}'],
        ],
      },
      {
        title: 'Compensations',
        description: 'Steps undone, and attempts to undo that failed.',
        unit: 'ops',
        queries: [
          [
            rate('gateway_flow_compensations_total', 'action, step, outcome'),
            '{{action}} {{step}} {{outcome}}',
          ],
        ],
      },
      {
        title: 'Taken over',
        description: 'Flows that went on in another process because theirs fell silent.',
        unit: 'ops',
        queries: [[rate('gateway_flows_resumed_total', 'action'), '{{action}}']],
      },
      {
        title: 'Outbox',
        description: 'Messages that RabbitMQ has not confirmed.',
        unit: 'short',
        queries: [[`max(gateway_outbox_waiting{${JOB}})`, 'waiting']],
      },
      {
        title: 'Messages',
        description: 'Published to RabbitMQ, and taken from its queues.',
        unit: 'ops',
        queries: [
          [`sum(rate(gateway_messages_published_total{${JOB}}[${RATE}]))`, 'published'],
          [rate('gateway_messages_consumed_total', 'queue, outcome'), '{{queue}} {{outcome}}'],
        ],
      },
    ],
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'Event loop',
        description: 'Share of the time in which a process was busy.',
        unit: 'percentunit',
        queries: [[`nodejs_eventloop_utilization_ratio{${JOB}}`, '{{service_instance_id}}']],
      },
      {
        title: 'Configuration',
        description: 'Reloads, by what became of them.',
        unit: 'short',
        queries: [
          [`sum by (outcome) (increase(gateway_config_reloads_total{${JOB}}[${RATE}]))`, '{{outcome}}'],
        ],
      },
    ],
  },
];
