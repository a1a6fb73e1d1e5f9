import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { toItself, toProject, toRoutes } from './links.js';
import { graph, stat, table } from './panels.js';
import { max, of, quantile, rate, share, sum } from './promql.js';

const DURATION = 'http_server_request_duration_seconds';
const requests = (...matchers: readonly string[]): string => rate(of(`${DURATION}_count`, ...matchers));
const FAILED = 'http_response_status_code=~"5.."';
const errorRatio = share(sum(requests(FAILED), 'job'), sum(requests(), 'job'));

/** What `orchestrator serve` says about each project, without asking its processes. */
const INSTANCES = of('orchestrator_project_instances');
const AGE = of('orchestrator_project_last_write_age_seconds');

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Projects',
      description: 'Projects that have data in the store, whether a process of theirs is alive or not.',
      unit: 'short',
      query: [`count(${of('orchestrator_project_info')})`, 'projects'],
      link: toItself,
    }),
    stat({
      title: 'Without a process',
      description:
        'Projects of which no process is alive. A project of cron jobs is one of them between two runs.',
      unit: 'short',
      warnAt: 1,
      query: [`count(${INSTANCES} == 0) or 0 * count(${INSTANCES})`, 'projects'],
    }),
    stat({
      title: 'Processes',
      description: 'Live processes of all projects together.',
      unit: 'short',
      query: [sum(INSTANCES), 'processes'],
    }),
    stat({
      title: 'Requests',
      description: 'Requests per second that all projects together answer.',
      unit: 'reqps',
      query: [sum(requests()), 'requests'],
    }),
    stat({
      title: 'Series',
      description: 'Series of all projects in the store. Each takes memory there, and lines in every scrape.',
      unit: 'short',
      query: [sum(of('orchestrator_project_series')), 'series'],
    }),
    stat({
      title: 'Store',
      description:
        'What the data of all projects take up in the store. Empty if the user of the store may not ask for it.',
      unit: 'bytes',
      query: [sum(of('orchestrator_project_store_bytes')), 'bytes'],
    }),
  ],
};

const list: Row = {
  title: 'Projects',
  panels: [
    table({
      title: 'Each project',
      description:
        'One row for each project; its name leads to its own dashboard. Rate, errors and latency are empty without HTTP traffic.',
      labels: { job: 'Project' },
      columns: [
        { title: 'Requests', unit: 'reqps', decimals: 1, query: sum(requests(), 'job') },
        { title: 'Errors', unit: 'percentunit', decimals: 2, query: errorRatio },
        { title: 'Latency, 95 %', unit: 's', query: quantile(0.95, of(`${DURATION}_bucket`), 'job') },
        { title: 'Processes', unit: 'short', query: max(INSTANCES, 'job') },
        { title: 'Series', unit: 'short', query: max(of('orchestrator_project_series'), 'job') },
        { title: 'Store', unit: 'bytes', query: max(of('orchestrator_project_store_bytes'), 'job') },
        { title: 'Last write', unit: 's', decimals: 0, query: max(AGE, 'job') },
      ],
      sortBy: 'Requests',
      rowLink: toProject,
    }),
  ],
};

const traffic: Row = {
  title: 'Traffic',
  panels: [
    graph({
      title: 'Requests by project',
      description: 'Requests per second that each project answers, all its processes together.',
      unit: 'reqps',
      width: 8,
      stacked: true,
      queries: [[sum(requests(), 'job'), '{{job}}']],
      link: toProject,
    }),
    graph({
      title: 'Error ratio by project',
      description: 'Share of requests answered with 500 or above.',
      unit: 'percentunit',
      width: 8,
      queries: [[errorRatio, '{{job}}']],
      link: toProject,
    }),
    graph({
      title: 'Latency by project, 95 %',
      description: '95 of 100 requests of a project took no longer than this.',
      unit: 's',
      width: 8,
      queries: [[quantile(0.95, of(`${DURATION}_bucket`), 'job'), '{{job}}']],
      link: toRoutes,
    }),
  ],
};

const store: Row = {
  title: 'In the store',
  panels: [
    graph({
      title: 'Processes by project',
      description: 'Live processes of each project, as the store knows them.',
      unit: 'short',
      queries: [[max(INSTANCES, 'job'), '{{job}}']],
    }),
    graph({
      title: 'Age of the last write',
      description:
        'How long ago each project was last written. A project whose processes live stays below its flush interval; a line that rises has fallen silent.',
      unit: 's',
      queries: [[max(AGE, 'job'), '{{job}}']],
      link: toItself,
    }),
    graph({
      title: 'Series by project',
      description: 'Series in the store. One that grows on and on has a label with too many values.',
      unit: 'short',
      queries: [[max(of('orchestrator_project_series'), 'job'), '{{job}}']],
      link: toItself,
    }),
    graph({
      title: 'Store by project',
      description: 'What the data of each project take up in the store.',
      unit: 'bytes',
      stacked: true,
      queries: [[max(of('orchestrator_project_store_bytes'), 'job'), '{{job}}']],
    }),
  ],
};

export const allProjects: Dashboard = board({
  uid: 'orchestrator-projects',
  title: 'Node.js / All projects',
  description:
    'Every project of a store on one page: rate, errors, latency, processes, series, size and freshness. Fed by "orchestrator serve".',
  rows: [now, list, traffic, store],
});
