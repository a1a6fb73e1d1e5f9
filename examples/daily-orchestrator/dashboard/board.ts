/** One query of a panel, with the legend of its series. */
type Query = readonly [expression: string, legend: string];

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: 'stat' | 'timeseries' | 'bargauge';
  /** Of Grafana: `s`, `short`, `reqps`, … */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly width: number;
  /** A value from which it is shown in red; stats only. */
  readonly alarmAt?: number;
}

const JOB = 'job=~"$job"';
const GRID_WIDTH = 24;
const HEIGHTS = { stat: 4, timeseries: 8, bargauge: 8 } as const;

function of(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[JOB, ...matchers].join(', ')}}`;
}

function rate(metric: string, by: string, ...matchers: readonly string[]): string {
  return `sum by (${by}) (rate(${of(metric, ...matchers)}[$__rate_interval]))`;
}

function stat(title: string, description: string, unit: string, expression: string, alarmAt?: number): Panel {
  const panel = { title, description, kind: 'stat', unit, queries: [[expression, title]], width: 4 } as const;
  return alarmAt === undefined ? panel : { ...panel, alarmAt };
}

function graph(title: string, description: string, unit: string, ...queries: readonly Query[]): Panel {
  return { title, description, kind: 'timeseries', unit, queries, width: 12 };
}

function bars(title: string, description: string, unit: string, query: Query): Panel {
  return { title, description, kind: 'bargauge', unit, queries: [query], width: 12 };
}

const WORKFLOW = 'job_name="daily-workflow"';
const STEP = '{{workflow_step}}';

export const PANELS: readonly Panel[] = [
  stat(
    'Since the last success',
    'Time since a run succeeded. More than 26 hours: a day was missed.',
    's',
    `time() - max(${of('job_last_success_time_seconds', WORKFLOW)})`,
    26 * 3600,
  ),
  stat(
    'Duration',
    'From start to end of the last run.',
    's',
    `max(${of('workflow_last_run_duration_seconds')})`,
  ),
  stat(
    'Schedule delay',
    'How long after its scheduled time the last scheduled run began. Minutes or hours: it was caught up.',
    's',
    `max(${of('workflow_last_schedule_delay_seconds')})`,
    300,
  ),
  stat(
    'Failures',
    'Runs that failed in the last seven days.',
    'short',
    `sum(increase(${of('workflow_failures_total')}[7d])) or vector(0)`,
    1,
  ),
  stat(
    'Dead letters',
    'Items that went to a dead-letter queue in the last seven days.',
    'short',
    `sum(increase(${of('workflow_items_total', 'workflow_outcome="dead"')}[7d])) or vector(0)`,
    1,
  ),
  stat(
    'Processes',
    'Processes that are alive: the orchestrator and three workers.',
    'short',
    `max(${of('orchestrator_instances')})`,
  ),
  bars('Time of each step', 'Time that the last run worked on each step, in all of its processes.', 's', [
    `max by (workflow_step) (${of('workflow_last_step_duration_seconds')})`,
    STEP,
  ]),
  bars('Items of each step', 'Items of the last run.', 'short', [
    `max by (workflow_step) (${of('workflow_last_run_items')})`,
    STEP,
  ]),
  graph('Items', 'Items per second that each step has finished.', 'cps', [
    rate('workflow_items_total', 'workflow_step'),
    STEP,
  ]),
  graph('Step in progress', 'Which step is being worked on.', 'short', [
    `sum by (job_name) (${of('job_active', 'job_name=~".+:.+"')}) or vector(0)`,
    '{{job_name}}',
  ]),
  graph('Messages in the queues', 'Ready and unacknowledged messages.', 'short', [
    `max by (queue_name, job_state) (${of('queue_jobs')})`,
    '{{queue_name}} {{job_state}}',
  ]),
  graph('Consumers', 'Workers on each queue. Zero: nobody works on it.', 'short', [
    `max by (queue_name) (${of('workflow_queue_consumers')})`,
    '{{queue_name}}',
  ]),
  graph('Settled messages', 'Messages per second by what became of them.', 'cps', [
    rate('workflow_messages_received_total', 'message_result'),
    '{{message_result}}',
  ]),
  graph(
    'Failures and retries of steps',
    'Attempts of steps beyond the first one, and failures, in an hour.',
    'short',
    [`sum(increase(${of('workflow_step_retries_total')}[1h])) or vector(0)`, 'retries'],
    [`sum(increase(${of('workflow_step_failures_total')}[1h])) or vector(0)`, 'failures'],
  ),
  graph('Requests to ESI', 'Requests per second by status.', 'reqps', [
    rate('esi_requests_total', 'esi_status'),
    '{{esi_status}}',
  ]),
  graph('Latency of ESI', '95 of 100 requests were answered within this time.', 's', [
    `histogram_quantile(0.95, ${rate('http_client_request_duration_seconds_bucket', 'le')})`,
    '95 %',
  ]),
  graph("ESI's error budget", 'Errors that ESI still allows. Requests pause at the reserve.', 'short', [
    `min(${of('esi_error_budget')})`,
    'errors left',
  ]),
  graph(
    'Patience with ESI',
    'Requests that were sent again, and seconds of waiting, per second.',
    'short',
    [`sum(rate(${of('esi_retries_total')}[$__rate_interval])) or vector(0)`, 'retries'],
    [`sum(rate(${of('esi_paused_seconds_total')}[$__rate_interval])) or vector(0)`, 'waiting'],
  ),
];

/** The dashboard as Grafana imports it. */
export function board(): object {
  return {
    uid: 'daily-workflow',
    title: 'Daily workflow',
    description: 'A scheduled workflow over queues: its runs, steps, queues, and what it asks of ESI.',
    tags: ['orchestrator', 'nodejs'],
    schemaVersion: 42,
    editable: false,
    graphTooltip: 1,
    timezone: 'utc',
    time: { from: 'now-24h', to: 'now' },
    refresh: '30s',
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', label: 'Data source', query: 'prometheus' },
        {
          name: 'job',
          type: 'query',
          label: 'Job',
          datasource: { type: 'prometheus', uid: '${datasource}' },
          query: 'label_values(workflow_items_total, job)',
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: '.+',
        },
      ],
    },
    panels: placed(),
  };
}

/** From left to right, as the words of a text. */
function placed(): object[] {
  let x = 0;
  let y = 0;
  return PANELS.map((panel, index) => {
    if (x + panel.width > GRID_WIDTH) {
      x = 0;
      y += HEIGHTS[PANELS[index - 1]?.kind ?? panel.kind];
    }
    const gridPos = { x, y, w: panel.width, h: HEIGHTS[panel.kind] };
    x += panel.width;
    return panelJson(panel, index + 1, gridPos);
  });
}

function panelJson(
  { alarmAt, description, kind, queries, title, unit }: Panel,
  id: number,
  gridPos: object,
): object {
  const datasource = { type: 'prometheus', uid: '${datasource}' };
  const steps = [
    { color: 'green', value: null },
    ...(alarmAt === undefined ? [] : [{ color: 'red', value: alarmAt }]),
  ];
  return {
    id,
    type: kind,
    title,
    description,
    gridPos,
    datasource,
    fieldConfig: { defaults: { unit, min: 0, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options:
      kind === 'timeseries' ? { tooltip: { mode: 'multi' } } : { reduceOptions: { calcs: ['lastNotNull'] } },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      ...(kind !== 'timeseries' && { instant: true }),
    })),
  };
}

export function boardText(): string {
  return `${JSON.stringify(board(), undefined, 2)}\n`;
}
