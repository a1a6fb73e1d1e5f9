import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, type Row } from './board.js';
import { graph, stat, table } from './panels.js';
import { max, meanOfRange, of, quantile, quantileOfRange, rate, share, sum } from './promql.js';

const NAME = 'job_name=~"$job_name"';
const runs = (...matchers: readonly string[]): string => of('job_runs_total', NAME, ...matchers);
const FAILED = 'job_outcome="failure"';
// It expires after ORCHESTRATOR_METRICS_TTL; a job that stopped is still shown two days later.
const success = `last_over_time(${of('job_last_success_time_seconds', NAME)}[2d])`;
const age = `time() - ${max(success, 'job_name')}`;

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Runs',
      description: 'Runs that ended within the chosen time.',
      unit: 'short',
      width: 6,
      decimals: 0,
      query: [`sum(increase(${runs()}[$__range]))`, 'runs'],
    }),
    stat({
      title: 'Failures',
      description: 'Share of the runs within the chosen time that failed.',
      unit: 'percentunit',
      width: 6,
      warnAt: 0.01,
      alarmAt: 0.1,
      query: [
        share(`sum(increase(${runs(FAILED)}[$__range]))`, `sum(increase(${runs()}[$__range]))`),
        'failures',
      ],
    }),
    stat({
      title: 'Running',
      description: 'Runs in progress, over all processes.',
      unit: 'short',
      width: 6,
      query: [sum(of('job_active', NAME)), 'running'],
    }),
    stat({
      title: 'Longest without success',
      description: 'Time since the last success of the job that has been waiting for one the longest.',
      unit: 's',
      width: 6,
      query: [max(age), 'since'],
    }),
  ],
};

const jobs: Row = {
  title: 'Jobs',
  panels: [
    table({
      title: 'Jobs',
      description:
        'Every job, over the chosen time. The last success stays when the process that ran it is gone, so that a cron job that stopped shows. The first run that Prometheus ever sees of a job is no increase, and not among the runs.',
      height: 6,
      labels: { job_name: 'Job' },
      columns: [
        { title: 'Since last success', unit: 's', query: age },
        {
          title: 'Runs',
          unit: 'short',
          decimals: 0,
          query: sum(`increase(${runs()}[$__range])`, 'job_name'),
        },
        {
          title: 'Failures',
          unit: 'percentunit',
          decimals: 1,
          query: share(
            sum(`increase(${runs(FAILED)}[$__range])`, 'job_name'),
            sum(`increase(${runs()}[$__range])`, 'job_name'),
          ),
        },
        { title: 'Mean', unit: 's', query: meanOfRange('job_duration_seconds', [NAME], 'job_name') },
        {
          title: '95 %',
          unit: 's',
          query: quantileOfRange(0.95, of('job_duration_seconds_bucket', NAME), 'job_name'),
        },
      ],
      sortBy: 'Since last success',
    }),
    graph({
      title: 'Runs',
      description: 'Runs per second that ended, by job and outcome.',
      unit: 'ops',
      queries: [[sum(rate(runs()), 'job_name', 'job_outcome'), '{{job_name}} {{job_outcome}}']],
    }),
    graph({
      title: 'Failures',
      description: 'Share of the runs of each job that failed.',
      unit: 'percentunit',
      queries: [[share(sum(rate(runs(FAILED)), 'job_name'), sum(rate(runs()), 'job_name')), '{{job_name}}']],
    }),
    graph({
      title: 'Duration, 95 %',
      description: '95 of 100 runs took no longer than this.',
      unit: 's',
      queries: [[quantile(0.95, of('job_duration_seconds_bucket', NAME), 'job_name'), '{{job_name}}']],
    }),
    graph({
      title: 'Running',
      description: 'Runs in progress, by job. For a queue: how many of its workers are busy.',
      unit: 'short',
      stacked: true,
      queries: [[sum(of('job_active', NAME), 'job_name'), '{{job_name}}']],
    }),
    graph({
      title: 'Time since last success',
      description: 'A healthy cron job draws a saw: up, and back to zero with each run.',
      unit: 's',
      queries: [[age, '{{job_name}}']],
    }),
    graph({
      title: 'Work',
      description: 'Seconds of work per second, by job: how many workers the job needs on average.',
      unit: 'short',
      stacked: true,
      queries: [[sum(rate(of('job_duration_seconds_sum', NAME)), 'job_name'), '{{job_name}}']],
    }),
  ],
};

const queues: Row = {
  title: 'Queues',
  panels: [
    graph({
      title: 'Queue depth',
      description:
        'Jobs in each queue by state, without those that are done. Waiting jobs that only grow need more workers.',
      unit: 'short',
      width: 24,
      queries: [
        [
          sum(of('queue_jobs', 'job_state!="completed"'), 'queue_name', 'job_state'),
          '{{queue_name}} {{job_state}}',
        ],
      ],
    }),
  ],
};

export const jobsAndQueues: Dashboard = board({
  uid: 'orchestrator-jobs',
  title: 'Node.js / Jobs and queues',
  description: 'Cron jobs and queue workers measured with recordJob(), queues with observeQueue().',
  variables: [{ name: 'job_name', label: 'Job name', from: of('job_runs_total'), labelName: 'job_name' }],
  rows: [now, jobs, queues],
});
