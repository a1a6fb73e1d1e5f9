import { anyText } from '../../config/setting-kinds.js';
import { existingFolder } from '../arguments/existing-folder.js';
import { optional, toggle, valued } from '../arguments/flags.js';
import { applyChange } from '../changes/file-change.js';
import { type Command, defineCommand } from '../command.js';
import { isInstalled, planMigration } from '../migrate/plan.js';
import { migrationJson, migrationText } from '../migrate/report.js';

/** Takes an application from another library for metrics to this package. */
export const migrate: Command = defineCommand({
  name: 'migrate',
  summary:
    'Adds the orchestrator to an application that measures with another library, and says what changes.',
  description:
    'Known are prom-client, express-prom-bundle, prometheus-api-metrics, modules of PM2, and set-ups of OpenTelemetry by hand. Start scripts, package.json, the ecosystem file of PM2 and the example of environment variables are edited, each with a backup beside it; source code is not. What is left is listed with file and line. A second run changes nothing.',
  flags: {
    folder: valued('path', anyText, '.', 'The folder of the application, with its package.json.'),
    dashboards: optional(
      'path',
      anyText,
      'A folder of Grafana dashboards (JSON) and Prometheus rules (YAML), whose queries get the new names.',
    ),
    dryRun: toggle('Says what would be done, and changes nothing.'),
  },
  settings: [],
  examples: [
    { command: 'migrate --dry-run', does: 'What would change:' },
    {
      command: 'migrate --dashboards grafana/dashboards',
      does: 'Change it, and the queries of dashboards too:',
    },
  ],
  async run({ flags, json, terminal }) {
    const folder = existingFolder('--folder', flags.folder);
    const dashboards =
      flags.dashboards === undefined ? undefined : existingFolder('--dashboards', flags.dashboards);
    const plan = planMigration(folder, dashboards);
    const backups: Record<string, string> = {};
    const written: string[] = [];
    for (const change of flags.dryRun ? [] : plan.changes) {
      const backup = applyChange(folder, change, written);
      written.push(change.path);
      if (backup !== undefined) backups[change.path] = backup;
    }
    const outcome = { dryRun: flags.dryRun, backups, isInstalled: isInstalled(folder) };
    if (json) await terminal.json(migrationJson(plan, outcome));
    else await terminal.line(migrationText(plan, outcome, terminal.colours));
  },
});
