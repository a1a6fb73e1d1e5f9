import { join } from 'node:path';

import { type Environment, processEnvironment } from '../../config/environment.js';
import { readSettings } from '../../config/read-settings.js';
import { anyText, integer } from '../../config/setting-kinds.js';
import type { Settings } from '../../config/settings.js';
import { identityOf } from '../../start/identity/identity.js';
import { existingFolder } from '../arguments/existing-folder.js';
import { toggle, valued } from '../arguments/flags.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { checkApplication } from '../doctor/checks/application.js';
import { settingSources } from '../doctor/checks/settings.js';
import { examineApplication } from '../doctor/examine-application.js';
import { examineStore, type Wanted } from '../doctor/examine-store.js';
import { withEnvFiles } from '../doctor/facts/env-file.js';
import { startFacts } from '../doctor/facts/starts.js';
import { runApplication } from '../doctor/facts/application-run.js';
import type { Finding } from '../doctor/findings.js';
import { doctorJson, findingsText, settingsText } from '../doctor/report.js';
import type { Ending } from '../exit-codes.js';
import { interrupted } from '../interruption.js';
import { prefixOf, STORE_SETTINGS } from '../store/open-reader.js';

/** Looks for what keeps metrics from arriving. */
export const doctor: Command = defineCommand({
  name: 'doctor',
  summary: 'Looks for what keeps metrics from arriving, and says what to type.',
  description:
    'Looks at Node.js, packages, settings, start scripts, the store, the project in it, the metrics port and the endpoint, and prints nothing when nothing is wrong. With "-- app.js" it also runs the application for some seconds, as "node app.js" in this environment, and looks into each of its processes. To see whether it may write, it writes one key of the project to Redis and takes it away again. Exit code: 0 nothing found, 1 warnings, 2 something is broken.',
  args: [
    {
      name: 'prefix',
      description: 'The project. Default: ORCHESTRATOR_PREFIX, or the name of the application.',
      optional: true,
      isProject: true,
    },
  ],
  flags: {
    folder: valued('path', anyText, '.', 'The folder of the application, with its package.json.'),
    seconds: valued('number', integer(1, 300), 5, 'How long the application behind "--" runs.'),
    showSettings: toggle('Also prints every setting, its value and where it comes from.'),
  },
  settings: [...STORE_SETTINGS, 'prometheusHost', 'prometheusPort'],
  examples: [
    { command: 'doctor', does: 'In the folder of an application, with its environment:' },
    {
      command: 'doctor shop --redis-url redis://127.0.0.1:6379 --json',
      does: 'A project of a Redis, for a program:',
    },
    { command: 'doctor -- --require @org/orchestrator/register app.js', does: 'The application too:' },
  ],
  // The application that it runs ends before it does.
  isLasting: true,
  async run(call) {
    const { flags, terminal, rest, givenSettings, json, signal } = call;
    const folder = existingFolder('--folder', flags.folder);
    const starts = startFacts(folder, processEnvironment());
    const environment = withEnvFiles(folder, processEnvironment(), Object.values(starts.scripts));
    const settings = settingsOf(call, environment);
    const findings = examineApplication(folder, settings, environment, process.versions.node, starts);
    const isSettled = !findings.some(({ name }) => name === 'settings-incomplete');
    if (rest.length > 0) {
      const run = await runApplication(rest, folder, environment, flags.seconds, signal);
      if (signal.aborted) return 'interrupted' satisfies Ending;
      findings.push(...checkApplication(run));
    }
    if (isSettled) {
      const examined = examineStore({ settings, terminal }, wantedProject(call.args, settings, folder));
      const found = await Promise.race([examined, interrupted(signal)]);
      if (found === 'interrupted') return found;
      findings.push(...found);
    }
    const sources = settingSources(settings, environment, givenSettings);
    const shownSettings = flags.showSettings ? sources : [];
    if (json) await terminal.json(doctorJson(findings, sources));
    else {
      if (findings.length > 0) await terminal.line(findingsText(findings, terminal.colours));
      if (shownSettings.length > 0) await terminal.line(settingsText(shownSettings, terminal.colours));
      if (findings.length === 0 && terminal.isInteractive)
        terminal.note('Nothing is wrong, as far as can be seen from here.');
    }
    return endingFor(findings);
  },
});

/** Those of the flags, then of the environment of the application. */
function settingsOf(
  { settings, givenSettings }: Pick<Call, 'settings' | 'givenSettings'>,
  environment: Environment,
): Settings {
  const given = Object.fromEntries(Array.from(givenSettings, (name) => [name, settings[name]]));
  return { ...readSettings(environment, {}, () => undefined), ...given };
}

function endingFor(findings: readonly Finding[]): Ending {
  if (findings.some(({ severity }) => severity === 'broken')) return 'broken';
  return findings.length > 0 ? 'findings' : 'done';
}

/** As a process of the application in that folder would call itself. */
function wantedProject(args: readonly string[], settings: Settings, folder: string): Wanted {
  const main = { kind: 'installed', from: join(folder, 'package.json'), before: undefined } as const;
  const { project } = identityOf(settings, main, () => undefined);
  const wanted = args[0] ?? project;
  return { project: wanted, prefix: prefixOf(wanted) };
}
