import type { ProjectSummary } from '../../store/store-reader.js';
import { REFUSAL_REASONS, type RefusalReason } from '../access/refusals.js';

/** One metric about all projects. */
interface OverviewMetric {
  readonly name: string;
  readonly help: string;
  /** Undefined: there is no such line for this project. */
  readonly of: (summary: ProjectSummary) => number | undefined;
}

const METRICS: readonly OverviewMetric[] = [
  {
    name: 'orchestrator_project_instances',
    help: 'Live instances of the project.',
    of: ({ instances }) => instances,
  },
  {
    name: 'orchestrator_project_families',
    help: 'Metrics of the project in the store.',
    of: ({ families }) => families,
  },
  {
    name: 'orchestrator_project_series',
    help: 'Series of the project in the store.',
    of: ({ series }) => series,
  },
  {
    name: 'orchestrator_project_store_bytes',
    help: 'What the data of the project take up in the store.',
    of: ({ bytes }) => bytes,
  },
  {
    name: 'orchestrator_project_last_write_timestamp_seconds',
    help: "When the project was last written, by the store's clock.",
    of: ({ lastWriteMs }) => lastWriteMs && lastWriteMs / 1000,
  },
  {
    name: 'orchestrator_project_last_write_age_seconds',
    help: "How long ago the project was last written, by the store's clock.",
    of: ({ lastWriteMs, nowMs }) => lastWriteMs && Math.max(0, nowMs - lastWriteMs) / 1000,
  },
];

const INFO = {
  name: 'orchestrator_project_info',
  help: 'The name of the project as the application gave it.',
};

const REFUSED = {
  name: 'orchestrator_requests_refused_total',
  help: 'Requests for metrics that were refused.',
};

/** How many requests were refused, by reason. */
export type RefusedRequests = ReadonlyMap<RefusalReason, number>;

/** The overview in Prometheus text 0.0.4, which every scraper takes. */
export function renderOverview(summaries: readonly ProjectSummary[], refused: RefusedRequests): string {
  const lines: string[] = [];
  begin(lines, REFUSED, 'counter');
  for (const reason of REFUSAL_REASONS)
    lines.push(`${REFUSED.name}{reason="${reason}"} ${refused.get(reason) ?? 0}`);
  begin(lines, INFO);
  for (const { prefix, project } of summaries)
    lines.push(`${INFO.name}{project="${escaped(prefix)}",name="${escaped(project)}"} 1`);
  for (const metric of METRICS) {
    begin(lines, metric);
    for (const summary of summaries) {
      const value = metric.of(summary);
      if (value !== undefined) lines.push(`${metric.name}{project="${escaped(summary.prefix)}"} ${value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

export const OVERVIEW_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function begin(
  lines: string[],
  { name, help }: { readonly name: string; readonly help: string },
  type: 'gauge' | 'counter' = 'gauge',
): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
