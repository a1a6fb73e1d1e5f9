import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { toClients } from './links.js';
import { graph, heatmap, table } from './panels.js';
import { mean, named, of, quantile, rate, share, sum } from './promql.js';

const DURATION = 'http_server_request_duration_seconds';
const CHOSEN = ['http_route=~"$route"', 'http_request_method=~"$method"'];
const requests = (...matchers: readonly string[]): string =>
  rate(of(`${DURATION}_count`, ...CHOSEN, ...matchers));
const buckets = of(`${DURATION}_bucket`, ...CHOSEN);
const FAILED = 'http_response_status_code=~"5.."';
const STATUS = 'http_response_status_code';
const ROUTE = ['http_request_method', 'http_route'] as const;
const LEGEND = '{{http_request_method}} {{http_route}}';

const all: Row = {
  title: 'All routes',
  panels: [
    table({
      title: 'Routes',
      description:
        'Rate, errors and duration of each route. An empty route are requests that no route of the application matched: 404s and scanners.',
      labels: { http_request_method: 'Method', http_route: 'Route' },
      columns: [
        { title: 'Requests/s', unit: 'reqps', query: sum(requests(), ...ROUTE) },
        {
          title: 'Errors',
          unit: 'percentunit',
          decimals: 2,
          query: share(sum(requests(FAILED), ...ROUTE), sum(requests(), ...ROUTE)),
        },
        { title: 'Mean', unit: 's', query: mean(DURATION, CHOSEN, ...ROUTE) },
        { title: '95 %', unit: 's', query: quantile(0.95, buckets, ...ROUTE) },
        { title: '99 %', unit: 's', query: quantile(0.99, buckets, ...ROUTE) },
        {
          title: 'Share of time',
          unit: 'percentunit',
          decimals: 1,
          query: `${sum(rate(of(`${DURATION}_sum`, ...CHOSEN)), ...ROUTE)} / scalar(${sum(rate(of(`${DURATION}_sum`)))} > 0)`,
        },
      ],
      sortBy: 'Requests/s',
    }),
  ],
};

const byRoute: Row = {
  title: 'By route',
  panels: [
    graph({
      title: 'Requests',
      description: 'Requests per second of each route.',
      unit: 'reqps',
      stacked: true,
      queries: [[sum(requests(), ...ROUTE), LEGEND]],
    }),
    graph({
      title: 'Errors',
      description: 'Requests per second answered with 500 or above, of the routes that had any.',
      unit: 'reqps',
      stacked: true,
      queries: [[sum(requests(FAILED), ...ROUTE), LEGEND]],
    }),
    graph({
      title: 'Latency, 95 %',
      description: '95 of 100 requests of a route took no longer than this.',
      unit: 's',
      queries: [[quantile(0.95, buckets, ...ROUTE), LEGEND]],
      link: toClients,
    }),
    graph({
      title: 'Where the time goes',
      description:
        'Seconds spent per second on each route, waiting included: requests times mean duration. Improve the largest.',
      unit: 'short',
      stacked: true,
      queries: [[sum(rate(of(`${DURATION}_sum`, ...CHOSEN)), ...ROUTE), LEGEND]],
      link: toClients,
    }),
  ],
};

const chosen: Row = {
  title: 'The chosen routes together',
  panels: [
    graph({
      title: 'Statuses',
      description: 'Requests per second by status.',
      unit: 'reqps',
      stacked: true,
      colors: { '^2': 'green', '^3': 'blue', '^4': 'orange', '^5': 'red', '^a': 'purple' },
      queries: [[named(sum(requests(), STATUS), STATUS, 'aborted'), `{{${STATUS}}}`]],
    }),
    heatmap({
      title: 'Latency distribution',
      description: 'Requests in each bucket of duration.',
      unit: 's',
      query: sum(`increase(${buckets}[$__rate_interval])`, 'le'),
    }),
  ],
};

export const routes: Dashboard = board({
  uid: 'orchestrator-routes',
  title: 'Node.js / Routes',
  description: 'Rate, errors and duration of each route, over all processes of a project.',
  variables: [
    {
      name: 'route',
      label: 'Route',
      from: of(`${DURATION}_count`),
      labelName: 'http_route',
      optional: true,
    },
    {
      name: 'method',
      label: 'Method',
      from: of(`${DURATION}_count`),
      labelName: 'http_request_method',
    },
  ],
  rows: [all, byRoute, chosen],
});
