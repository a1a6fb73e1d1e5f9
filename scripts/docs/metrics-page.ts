import { describesHost } from '../../src/instrumentation/host/host-scope.js';
import type { FamilyType } from '../../src/model/family.js';
import { labelName, metricName, type Naming } from '../../src/prometheus/naming/names.js';
import { gaugeAggregation } from '../../src/reader/gauge-aggregation.js';
import { table } from './markdown.js';
import { METRIC_LABELS } from './metric-labels.js';
import { METRIC_SECTIONS } from './metric-sections.js';
import { type RecordedInstrument, RecordingMeterProvider } from './recorded-instruments.js';
import { handWrittenPage, withRegion } from './region.js';

/** The default of both settings that decide about names. */
const NAMING: Naming = { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' };

/** `docs/metrics.md`: its tables from the instruments themselves, everything between them as it stands. */
export function metricsPage(): string {
  let page = handWrittenPage('docs/metrics.md');
  for (const name of Object.keys(METRIC_SECTIONS))
    page = withRegion(page, `metrics: ${name}`, sectionTable(name));
  return page;
}

function sectionTable(name: string): string {
  const provider = new RecordingMeterProvider();
  METRIC_SECTIONS[name]?.(provider);
  const rows: Array<readonly string[]> = Array.from(provider.instruments.values(), instrumentRow);
  if (name === 'orchestrator') rows.unshift(...MADE_AT_THE_SCRAPE);
  return table(
    ['Prometheus name', 'OpenTelemetry name', 'Type', 'Unit', 'Labels', 'Over processes', 'What it is'],
    rows,
  );
}

const MADE_AT_THE_SCRAPE: ReadonlyArray<readonly string[]> = [
  ['`orchestrator_instances`', '', 'gauge', '', '', 'one', 'Live instances of the project.'],
  [
    '`orchestrator_instance_info`',
    '',
    'gauge',
    '',
    '`service_instance_id`, `host_name`, `process_pid`, `pm2_id`, `k8s_pod_name`, `service_version`',
    'per process',
    'The process behind each `service_instance_id`; always 1.',
  ],
  [
    '`target_info`',
    '',
    'info',
    '',
    'resource attributes that all live processes share, but none of a single process, container or host',
    'one',
    'Target metadata.',
  ],
];

const TYPE_WORDS: Readonly<Record<FamilyType, string>> = {
  counter: 'counter',
  updowncounter: 'up-down counter',
  gauge: 'gauge',
  histogram: 'histogram',
  exponentialhistogram: 'histogram',
};

function instrumentRow({ name, type, scope, options }: RecordedInstrument): string[] {
  const { unit = '', description = '', labels = METRIC_LABELS[name] ?? [] } = options;
  return [
    `\`${metricName({ name, type, unit }, NAMING)?.name ?? ''}\``,
    `\`${name}\``,
    TYPE_WORDS[type],
    unit.replaceAll(/[{}]/g, ''),
    labels.map((key) => `\`${labelName(key, NAMING)}\``).join(', '),
    overProcesses(name, type, scope),
    sentence(description),
  ];
}

function overProcesses(name: string, type: FamilyType, scope: string): string {
  if (describesHost(scope, name)) return 'host';
  if (type === 'updowncounter') return 'sum, live';
  return type === 'gauge' ? BUILT_IN_MODE(name, scope) : 'sum';
}

const BUILT_IN_MODE = gaugeAggregation([]);

function sentence(text: string): string {
  return text === '' || text.endsWith('.') ? text : `${text}.`;
}
