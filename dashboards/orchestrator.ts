import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, INSTANCE_VARIABLE, type Row } from './board.js';
import { toRuntime } from './links.js';
import { graph, stat } from './panels.js';
import { INSTANCE, max, mean, of, quantile, rate, sum } from './promql.js';

const FLUSH = 'orchestrator_flush_duration_seconds';
/** One sample for each attribute set of a counter or a histogram. */
const COUNTED = of('', '__name__=~".+_(count|total)"');

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Instances',
      description: 'Processes that have reported within their lease.',
      unit: 'short',
      query: [sum(of('orchestrator_instances')), 'instances'],
      link: toRuntime,
    }),
    stat({
      title: 'Scrape',
      description:
        'Whether Prometheus reaches the project. Down: nobody answers, or the store cannot be read.',
      unit: 'short',
      upOrDown: true,
      query: [
        `min(${of('up')} and on (job, instance) last_over_time(${of('orchestrator_instances')}[1h]))`,
        'up',
      ],
    }),
    stat({
      title: 'Store',
      description:
        'Whether the last flush of every process reached the store. Down: of at least one it did not.',
      unit: 'short',
      upOrDown: true,
      query: [`min(${of('orchestrator_store_up')})`, 'store'],
    }),
    stat({
      title: 'Flush, 99 %',
      description: '99 of 100 flushes took no longer than this.',
      unit: 's',
      warnAt: 0.1,
      alarmAt: 1,
      query: [quantile(0.99, of(`${FLUSH}_bucket`)), '99 %'],
    }),
    stat({
      title: 'Waiting series',
      description:
        'Series whose last additions have been waiting for the store for longer than a scrape or two, over all processes. They are kept, not lost.',
      unit: 'short',
      warnAt: 1,
      query: [sum(`min_over_time(${of('orchestrator_pending_series')}[$__rate_interval])`), 'waiting'],
    }),
    stat({
      title: 'Dropped points',
      description: 'Points that could not be kept within the chosen time. Should be 0.',
      unit: 'short',
      decimals: 0,
      alarmAt: 1,
      query: [`sum(increase(${of('orchestrator_points_dropped_total')}[$__range]))`, 'dropped'],
    }),
  ],
};

const flushing: Row = {
  title: 'From the processes to the store',
  panels: [
    graph({
      title: 'Flush duration',
      description: 'Time to write one flush to the store. It happens beside the requests, not within them.',
      unit: 's',
      width: 8,
      queries: [
        [quantile(0.99, of(`${FLUSH}_bucket`)), '99 %'],
        [quantile(0.5, of(`${FLUSH}_bucket`)), '50 %'],
        [mean(FLUSH, []), 'mean'],
      ],
    }),
    graph({
      title: 'Flushes and failures',
      description:
        'Flushes per second of all processes, and how many did not reach the store. Their data are sent with a later one.',
      unit: 'ops',
      width: 8,
      colors: { failed: 'red' },
      queries: [
        [sum(rate(of(`${FLUSH}_count`))), 'flushes'],
        [sum(rate(of('orchestrator_flush_failures_total'))), 'failed'],
      ],
    }),
    graph({
      title: 'Series waiting for the store',
      description: 'By process. One that stays above zero cannot write.',
      unit: 'short',
      width: 8,
      queries: [
        [sum(of('orchestrator_pending_series', INSTANCE), 'service_instance_id'), '{{service_instance_id}}'],
      ],
      link: toRuntime,
    }),
    graph({
      title: 'Store reached',
      description: '1 while the last flush of a process reached the store.',
      unit: 'short',
      width: 8,
      max: 1,
      queries: [[of('orchestrator_store_up', INSTANCE), '{{service_instance_id}}']],
    }),
    graph({
      title: 'Instances',
      description: 'Living processes of each project.',
      unit: 'short',
      width: 8,
      queries: [[sum(of('orchestrator_instances'), 'job'), '{{job}}']],
    }),
    graph({
      title: 'Points overflowed and dropped',
      description:
        'Points per second that a cap on series moved into the series with otel_metric_overflow="true", and that could not be kept at all.',
      unit: 'ops',
      width: 8,
      queries: [
        [sum(rate(of('orchestrator_points_overflowed_total'))), 'overflowed'],
        [sum(rate(of('orchestrator_points_dropped_total'))), 'dropped'],
      ],
    }),
  ],
};

const scraping: Row = {
  title: 'From the store to Prometheus',
  panels: [
    graph({
      title: 'Scrape duration',
      description: 'Time from the request of Prometheus to the last byte of the answer.',
      unit: 's',
      queries: [[sum(of('scrape_duration_seconds'), 'job'), '{{job}}']],
    }),
    graph({
      title: 'Lines of a scrape',
      description:
        'Samples that one scrape brings. It grows with label values, not with traffic or processes.',
      unit: 'short',
      queries: [[sum(of('scrape_samples_scraped'), 'job'), '{{job}}']],
    }),
    graph({
      title: 'Series per metric, the ten largest',
      description:
        'Attribute sets of counters and histograms. A metric that grows on and on has a label with too many values.',
      unit: 'short',
      queries: [[`topk(10, count by (__name__) (${COUNTED}))`, '{{__name__}}']],
    }),
    graph({
      title: 'Share of the series limit',
      description:
        'How much of ORCHESTRATOR_MAX_SERIES the largest metric of each project uses. At 100 % what is new is summed into one series with otel_metric_overflow="true".',
      unit: 'percentunit',
      max: 1,
      queries: [
        [
          `${max(`count by (job, __name__) (${COUNTED})`, 'job')} / on (job) min by (job) (${of('orchestrator_series_limit')})`,
          '{{job}}',
        ],
      ],
    }),
  ],
};

export const orchestrator: Dashboard = board({
  uid: 'orchestrator-self',
  title: 'Node.js / Orchestrator itself',
  description:
    'Whether the numbers of the other dashboards arrive: flushes, store, scrapes, number of series.',
  variables: [INSTANCE_VARIABLE],
  rows: [now, flushing, scraping],
});
