import { integer } from '../../config/setting-kinds.js';
import type { Snapshot } from '../../model/snapshot.js';
import { valued } from '../arguments/flags.js';
import { globs } from '../arguments/kinds.js';
import { type Command, defineCommand } from '../command.js';
import { MetricNames } from '../output/metric-names.js';
import { printTable } from '../output/table.js';
import { type FamilyCost, familyCosts } from '../store/series-cost.js';
import { projectOf, STORE_SETTINGS, withReader } from '../store/open-reader.js';

/** Shows what the series of a project cost. */
export const series: Command = defineCommand({
  name: 'series',
  summary: 'Shows which metrics have the most series, and which labels make them.',
  description:
    'SAMPLES are the lines that Prometheus stores of it at each scrape: a histogram has one for each bucket and three more. Of a label, SAVED is how many series fewer there were without it.',
  args: [{ name: 'project', description: 'Default: ORCHESTRATOR_PREFIX', optional: true, isProject: true }],
  flags: {
    family: valued('globs', globs, [], 'Only metrics whose name matches: http_*,nodejs_*.'),
    top: valued('number', integer(1, 100_000), 20, 'How many metrics, and how many labels.'),
  },
  settings: ['prefix', ...STORE_SETTINGS, 'metricsTtl', 'maxSeries'],
  examples: [
    { command: 'series shop', does: 'The twenty metrics and labels that cost most:' },
    {
      command: 'series shop --family http_server_request_duration_seconds',
      does: 'Which label of one metric it is:',
    },
  ],
  run: (call) =>
    withReader(call, async (reader) => {
      const project = await projectOf(call, reader);
      const taken = await reader.open(project).snapshot();
      const names = new MetricNames(call.settings);
      const isWanted = names.matcher(call.flags.family);
      const wanted: Snapshot = {
        ...taken,
        families: taken.families.filter(({ family }) => isWanted(family)),
      };
      const costs = familyCosts(wanted, names);
      const { top } = call.flags;
      const labels = costs
        .flatMap((cost) => cost.labels.map((label) => ({ ...label, metric: cost.metric })))
        .toSorted((a, b) => b.saved - a.saved || b.values - a.values)
        .slice(0, top);
      const total = {
        series: costs.reduce((sum, { series: own }) => sum + own, 0),
        samples: costs.reduce((sum, { samples }) => sum + samples, 0),
      };
      if (call.json) return call.terminal.json({ ...total, metrics: costs.slice(0, top), labels });
      if (costs.length === 0) {
        call.terminal.note(`No metric of "${project.prefix}" matches.`);
        return;
      }
      const limit = call.settings.maxSeries;
      await printTable(
        call.terminal,
        [
          { title: 'METRIC' },
          { title: 'TYPE' },
          { title: 'SERIES', align: 'right' },
          { title: 'OF LIMIT', align: 'right' },
          { title: 'SAMPLES', align: 'right' },
        ],
        costs.slice(0, top).map((cost) => familyRow(cost, limit)),
      );
      await call.terminal.line(
        `\n${costs.length} metrics, ${total.series} series, ${total.samples} samples at each scrape.\n`,
      );
      if (labels.length === 0) return;
      await printTable(
        call.terminal,
        [
          { title: 'LABEL' },
          { title: 'OF METRIC' },
          { title: 'VALUES', align: 'right' },
          { title: 'SAVED', align: 'right' },
          { title: 'FOR EXAMPLE' },
        ],
        labels.map(({ name, metric, values, saved, example }) => [
          name,
          metric,
          String(values),
          String(saved),
          shortened(example),
        ]),
      );
    }),
});

function familyRow({ metric, type, series: own, samples, overflowed }: FamilyCost, limit: number): string[] {
  const share = overflowed ? 'over it' : `${Math.round((100 * own) / limit)} %`;
  return [metric, type, String(own), share, String(samples)];
}

function shortened(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
