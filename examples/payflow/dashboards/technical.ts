import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { dashboard, graph, stat } from './panels.js';

const rate = (metric: string): string => `rate(${metric}[$__rate_interval])`;
const quantile = (q: number, metric: string, by: string): string =>
  `histogram_quantile(${q}, sum by (${by}, le) (${rate(`${metric}_bucket`)}))`;

/** For those who are called at night. */
export const technical: Dashboard = dashboard(
  'payflow-technical',
  'PayFlow / Technical',
  'Requests, databases, cache, circuit breakers and fallbacks. All counts are sums over all instances.',
  [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'Mode',
          description: '0 normal, 1 degraded, 2 read only (no primary), 3 down. The worst of all instances.',
          unit: 'short',
          warnAt: 1,
          alarmAt: 2,
          queries: [['max(payflow_service_mode)', 'mode']],
        }),
        stat({
          title: 'Instances',
          description: 'Processes that are alive.',
          unit: 'short',
          queries: [['max(orchestrator_instances)', 'instances']],
        }),
        stat({
          title: 'Errors',
          description: 'Share of the requests of the last five minutes that were answered with 5xx.',
          unit: 'percentunit',
          warnAt: 0.01,
          alarmAt: 0.05,
          queries: [
            [
              '(sum(increase(payflow_http_requests_total{status=~"5.."}[5m])) or vector(0)) / (sum(increase(payflow_http_requests_total[5m])) > 0)',
              'errors',
            ],
          ],
        }),
        stat({
          title: 'Replica lag',
          description: 'How far the slowest replica is behind.',
          unit: 's',
          warnAt: 1,
          alarmAt: 5,
          queries: [['max(payflow_database_replica_lag_seconds)', 'lag']],
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        graph({
          title: 'Requests by status',
          description: 'Answers per second.',
          unit: 'reqps',
          stacked: true,
          queries: [[`sum by (status) (${rate('payflow_http_requests_total')})`, '{{status}}']],
        }),
        graph({
          title: 'Duration by route, 99 %',
          description: '99 of 100 requests took no longer than this.',
          unit: 's',
          queries: [[quantile(0.99, 'payflow_http_request_duration_seconds', 'route'), '{{route}}']],
        }),
      ],
    },
    {
      title: 'PostgreSQL',
      panels: [
        graph({
          title: 'Operations by role of the server',
          description:
            'Reads belong on replicas. Reads on the primary mean that no replica was there, or far enough.',
          unit: 'ops',
          stacked: true,
          queries: [
            [`sum by (role, outcome) (${rate('payflow_database_operations_total')})`, '{{role}} {{outcome}}'],
          ],
        }),
        graph({
          title: 'Duration by operation, 95 %',
          description: 'Transactions include the wait for a replica at their commit.',
          unit: 's',
          queries: [
            [quantile(0.95, 'payflow_database_operation_duration_seconds', 'operation'), '{{operation}}'],
          ],
        }),
        graph({
          title: 'Connections',
          description: 'Of all instances. Waiting requests mean that DB_MAX_OPEN_CONNS is reached.',
          unit: 'short',
          queries: [['sum by (server, state) (payflow_database_connections)', '{{server}} {{state}}']],
        }),
        graph({
          title: 'Replica lag',
          description: 'Replicas beyond DB_MAX_REPLICA_LAG_MS get no reads.',
          unit: 's',
          queries: [['max by (server) (payflow_database_replica_lag_seconds)', '{{server}}']],
        }),
        graph({
          title: 'Servers',
          description:
            '1 while a server answers, with the role that it has. Exactly one should be the primary.',
          unit: 'short',
          queries: [['max by (server, role) (payflow_database_server_up)', '{{server}} {{role}}']],
        }),
        graph({
          title: 'Repeated transactions',
          description:
            'Transactions that met another one on the same account. Many: few accounts get most of the payments.',
          unit: 'ops',
          queries: [[`sum(${rate('payflow_database_conflicts_total')})`, 'repeated']],
        }),
      ],
    },
    {
      title: 'Cache and batches',
      panels: [
        graph({
          title: 'Cache hits and misses',
          description: 'Reads of the cache, by what is kept in it.',
          unit: 'ops',
          stacked: true,
          queries: [
            [`sum by (cache) (${rate('payflow_cache_hits_total')})`, '{{cache}} hits'],
            [`sum by (cache) (${rate('payflow_cache_misses_total')})`, '{{cache}} misses'],
          ],
        }),
        graph({
          title: 'Workers',
          description: 'Items of batches that wait, and workers that are busy, over all instances.',
          unit: 'short',
          queries: [
            ['sum(payflow_worker_pool_queue_size)', 'waiting'],
            ['sum(payflow_worker_pool_active_workers)', 'busy'],
          ],
        }),
      ],
    },
    {
      title: 'When something is missing',
      panels: [
        graph({
          title: 'Circuit breakers',
          description: '0 closed, 1 half open, 2 open.',
          unit: 'short',
          queries: [['max by (breaker) (payflow_circuit_breaker_state)', '{{breaker}}']],
        }),
        graph({
          title: 'Fallbacks',
          description: 'Requests that were answered another way, by the way.',
          unit: 'reqps',
          stacked: true,
          queries: [[`sum by (fallback) (${rate('payflow_fallbacks_total')})`, '{{fallback}}']],
        }),
        graph({
          title: 'Changes of circuit breakers',
          description: 'Openings and closings.',
          unit: 'short',
          queries: [
            [
              `sum by (breaker, state) (increase(payflow_circuit_breaker_transitions_total[$__range]))`,
              '{{breaker}} {{state}}',
            ],
          ],
        }),
        graph({
          title: 'Changes of servers',
          description: 'PostgreSQL servers that came, went, or changed their role.',
          unit: 'short',
          queries: [
            [
              `sum by (server, role) (increase(payflow_database_server_changes_total[$__range]))`,
              '{{server}} {{role}}',
            ],
          ],
        }),
      ],
    },
    {
      title: 'Processes',
      panels: [
        graph({
          title: 'CPU',
          description: 'Of all instances, in processors.',
          unit: 'short',
          queries: [
            [
              `sum by (process_cpu_state) (${rate('process_cpu_time_seconds_total')})`,
              '{{process_cpu_state}}',
            ],
          ],
        }),
        graph({
          title: 'Event loop delay, 99 %',
          description: 'How long a request waits for JavaScript that runs, in each process.',
          unit: 's',
          queries: [
            ['max by (service_instance_id) (nodejs_eventloop_delay_p99_seconds)', '{{service_instance_id}}'],
          ],
        }),
      ],
    },
  ],
);
