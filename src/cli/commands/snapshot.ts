import { oneOf } from '../../config/setting-kinds.js';
import type { Snapshot } from '../../model/snapshot.js';
import { openExposition } from '../../start/open-exposition.js';
import { valued } from '../arguments/flags.js';
import { globs } from '../arguments/kinds.js';
import { type Command, defineCommand } from '../command.js';
import { printable } from '../output/cells.js';
import { MetricNames } from '../output/metric-names.js';
import { projectOf, STORE_SETTINGS, warnOn, withReader } from '../store/open-reader.js';
import { toFile } from '../store/snapshot-file.js';

const FORMATS = { text: undefined, openmetrics: 'application/openmetrics-text; version=1.0.0' } as const;

/** Prints what a scrape of the project would answer. */
export const snapshot: Command = defineCommand({
  name: 'snapshot',
  summary: 'Prints the metrics of a project as Prometheus would get them.',
  description: 'With --json it prints the snapshot in full, for "orchestrator diff".',
  args: [{ name: 'project', description: 'Default: ORCHESTRATOR_PREFIX', optional: true, isProject: true }],
  flags: {
    format: valued('format', oneOf('text', 'openmetrics'), 'text', 'text (0.0.4) or openmetrics (1.0.0).'),
    family: valued('globs', globs, [], 'Only metrics whose name matches: http_*,nodejs_*.'),
  },
  settings: ['prefix', ...STORE_SETTINGS, 'metricsTtl', 'translationStrategy', 'scopeInfo', 'targetInfo'],
  examples: [
    { command: 'snapshot shop --family "http_*"', does: 'The HTTP metrics of the shop:' },
    { command: 'snapshot shop --json > before.json', does: 'To compare with later:' },
  ],
  run: (call) =>
    withReader(call, async (reader) => {
      const { settings, terminal, flags, json } = call;
      const project = await projectOf(call, reader);
      const isWanted = new MetricNames(settings).matcher(flags.family);
      const taken = await reader.open(project).snapshot();
      const shown: Snapshot = { ...taken, families: taken.families.filter(({ family }) => isWanted(family)) };
      if (json) return terminal.json(toFile({ ...project, snapshot: shown, takenAtMs: Date.now() }));
      const exposition = openExposition(settings, warnOn(call));
      const { body } = exposition.render(shown, FORMATS[flags.format]);
      for await (const piece of body)
        await terminal.write(terminal.isInteractive ? withoutOrders(piece) : piece);
    }),
});

/** A label may hold what a terminal takes as an order. Line feeds are the format's. */
function withoutOrders(piece: Buffer): string {
  return piece.toString().split('\n').map(printable).join('\n');
}
