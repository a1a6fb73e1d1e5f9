import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { graph, table, type Column } from './panels.js';
import { mean, of, quantile, rate, share, sum } from './promql.js';

const DB = 'db_client_operation_duration_seconds';
const CLIENT = 'http_client_request_duration_seconds';
const counted = (histogram: string, ...matchers: readonly string[]): string =>
  rate(of(`${histogram}_count`, ...matchers));
const operations = (...matchers: readonly string[]): string => counted(DB, ...matchers);
const calls = (...matchers: readonly string[]): string => counted(CLIENT, ...matchers);
const OPERATION = ['db_system_name', 'db_operation_name'] as const;
const OPERATION_LEGEND = '{{db_system_name}} {{db_operation_name}}';
const PEER = ['server_address', 'server_port'] as const;
const PEER_LEGEND = '{{server_address}}:{{server_port}}';
const FAILED = 'error_type!=""';
const POOL = 'db_client_connection_pool_name';

/** Rate, errors and duration of what a histogram counts. */
function columns(title: string, unit: string, histogram: string, by: readonly string[]): Column[] {
  const all = sum(counted(histogram), ...by);
  return [
    { title, unit, query: all },
    {
      title: 'Errors',
      unit: 'percentunit',
      decimals: 2,
      query: share(sum(counted(histogram, FAILED), ...by), all),
    },
    { title: 'Mean', unit: 's', query: mean(histogram, [], ...by) },
    { title: '95 %', unit: 's', query: quantile(0.95, of(`${histogram}_bucket`), ...by) },
  ];
}

const databases: Row = {
  title: 'Databases',
  panels: [
    table({
      title: 'Operations',
      description: 'Rate, errors and duration of each kind of operation, as the application saw them.',
      height: 7,
      labels: { db_system_name: 'System', db_namespace: 'Database', db_operation_name: 'Operation' },
      columns: columns('Operations/s', 'ops', DB, ['db_namespace', ...OPERATION]),
      sortBy: 'Operations/s',
    }),
    graph({
      title: 'Operations',
      description:
        'Database operations per second. Several for each request is normal, dozens are a loop around a query.',
      unit: 'ops',
      width: 8,
      stacked: true,
      queries: [[sum(operations(), ...OPERATION), OPERATION_LEGEND]],
    }),
    graph({
      title: 'Errors',
      description: 'Share of the operations of each system that failed.',
      unit: 'percentunit',
      width: 8,
      queries: [
        [
          share(sum(operations(FAILED), 'db_system_name'), sum(operations(), 'db_system_name')),
          '{{db_system_name}}',
        ],
      ],
    }),
    graph({
      title: 'Latency, 95 %',
      description: '95 of 100 operations took no longer than this, with the time on the network.',
      unit: 's',
      width: 8,
      queries: [[quantile(0.95, of(`${DB}_bucket`), ...OPERATION), OPERATION_LEGEND]],
    }),
  ],
};

const pools: Row = {
  title: 'Connection pools',
  panels: [
    graph({
      title: 'Connections',
      description:
        'Connections of all processes by pool and state. Every process has a pool of its own: the sum is what the server sees.',
      unit: 'short',
      stacked: true,
      queries: [
        [
          sum(of('db_client_connection_count'), POOL, 'db_client_connection_state'),
          `{{${POOL}}} {{db_client_connection_state}}`,
        ],
      ],
    }),
    graph({
      title: 'Waiting for a connection',
      description:
        'Requests that wait because the pool of their process is used up. Above zero for long: the pool is too small, or queries too slow.',
      unit: 'short',
      queries: [[sum(of('db_client_connection_pending_requests'), POOL), `{{${POOL}}}`]],
    }),
  ],
};

const clients: Row = {
  title: 'Calls to other services',
  panels: [
    table({
      title: 'Services',
      description: 'Rate, errors and duration of the HTTP calls to each service, as this project saw them.',
      height: 7,
      labels: { server_address: 'Service', server_port: 'Port', http_request_method: 'Method' },
      columns: columns('Calls/s', 'reqps', CLIENT, ['http_request_method', ...PEER]),
      sortBy: 'Calls/s',
    }),
    graph({
      title: 'Calls',
      description: 'HTTP calls per second to each service.',
      unit: 'reqps',
      width: 8,
      stacked: true,
      queries: [[sum(calls(), ...PEER), PEER_LEGEND]],
    }),
    graph({
      title: 'Errors',
      description: 'Share of calls that were answered with 400 or above, or not at all.',
      unit: 'percentunit',
      width: 8,
      queries: [[share(sum(calls(FAILED), ...PEER), sum(calls(), ...PEER)), PEER_LEGEND]],
    }),
    graph({
      title: 'Latency, 95 %',
      description: '95 of 100 calls took no longer than this until their answer began.',
      unit: 's',
      width: 8,
      queries: [[quantile(0.95, of(`${CLIENT}_bucket`), ...PEER), PEER_LEGEND]],
    }),
  ],
};

export const databasesAndClients: Dashboard = board({
  uid: 'orchestrator-clients',
  title: 'Node.js / Databases and clients',
  description: 'What a project asks of databases and other services, and how they answer.',
  rows: [databases, pools, clients],
});
