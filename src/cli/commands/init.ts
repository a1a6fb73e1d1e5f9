import { basename } from 'node:path';

import { anyText, oneOf, projectName } from '../../config/setting-kinds.js';
import { existingFolder } from '../arguments/existing-folder.js';
import { optional, toggle, valued } from '../arguments/flags.js';
import { hostAndPort } from '../arguments/kinds.js';
import { applyChange, textOfFile, type FileChange } from '../changes/file-change.js';
import { patchOf } from '../changes/patch.js';
import { parseManifest } from '../changes/manifest.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { CommandError, type Ending } from '../exit-codes.js';
import {
  type Answers,
  GRAFANA_WAYS,
  planInit,
  PROMETHEUS_WAYS,
  START_WAYS,
  type InitPlan,
} from '../init/plan.js';
import { answersFrom, askAnswers, type Defaults, type Given } from '../init/questions.js';
import { newPassword } from '../init/redis-user.js';
import { askYes } from '../output/ask.js';
import { ECOSYSTEM_FILE } from '../changes/ecosystem.js';
import { filesBelow } from '../source/source-files.js';

const FLAGS = {
  folder: valued('path', anyText, '.', 'The folder of the application, with its package.json.'),
  name: optional(
    'text',
    projectName,
    'The name of the project. Default: ORCHESTRATOR_PREFIX, or that of package.json.',
  ),
  start: optional(
    'way',
    oneOf(...START_WAYS),
    'How the application is started: script, pm2, docker, kubernetes, none.',
  ),
  redisUser: toggle('Also writes the line that creates a Redis user for this project alone.'),
  prometheus: optional(
    'way',
    oneOf(...PROMETHEUS_WAYS),
    'How Prometheus finds the project: static (its own endpoint), http-sd (through "orchestrator serve"), none.',
  ),
  target: optional(
    'host:port',
    hostAndPort,
    'Where Prometheus reaches the endpoint, or "orchestrator serve". Default: localhost and the port.',
  ),
  grafana: optional(
    'way',
    oneOf(...GRAFANA_WAYS),
    'Dashboards: import (by hand), provisioning (a file), none.',
  ),
  yes: toggle('Does not ask: flags, settings and defaults are the answers.', 'y'),
  dryRun: toggle('Shows what would be written, and writes nothing.'),
};

/** Sets an application up. */
export const init: Command = defineCommand({
  name: 'init',
  summary: 'Sets an application up: how it starts, its settings, Prometheus, Redis, Grafana.',
  description:
    'Asks what is not given by flags, shows each change, and writes it when you say yes. Files that were there get a backup beside them. With --store local or --redis-url it does not ask where the processes are summed.',
  flags: FLAGS,
  settings: ['redisUrl', 'store', 'prometheusPort'],
  examples: [
    { command: 'init', does: 'With questions:' },
    {
      command: 'init --yes --start pm2 --redis-url redis://10.0.0.5 --redis-user --grafana provisioning',
      does: 'Without any:',
    },
    { command: 'init --dry-run --yes', does: 'What would be written:' },
  ],
  async run(call: Call<typeof FLAGS>) {
    const { flags, terminal, json } = call;
    const folder = existingFolder('--folder', flags.folder);
    if (json && !flags.yes && !flags.dryRun)
      throw new CommandError('usage', 'With --json nobody is asked: --yes writes, --dry-run shows.');
    const asks = !flags.yes && !json;
    if (asks && !terminal.isInteractive && !flags.dryRun)
      throw new CommandError(
        'usage',
        'Nobody can be asked here, because the input or the output is no terminal. --yes takes flags and defaults as the answers.',
      );
    const given = givenAnswers(call);
    const defaults = defaultsFor(call, folder);
    const answers =
      asks && terminal.isInteractive
        ? await askAnswers(terminal, given, defaults)
        : answersFrom(given, defaults);
    if (answers.redisPassword !== undefined && new URL(answers.redisUrl ?? '').hostname === '')
      throw new CommandError(
        'usage',
        '--redis-user needs an address with a host: user and password of a unix socket are ORCHESTRATOR_REDIS_USERNAME and ORCHESTRATOR_REDIS_PASSWORD.',
      );
    const plan = planInit(folder, answers);
    const written = await write(call, folder, plan, answers, asks);
    if (json) await terminal.json(asJson(plan, written, answers));
    else await terminal.line(closing(plan, written.length, flags.dryRun));
    return written.length < plan.changes.length && !flags.dryRun ? ('findings' satisfies Ending) : 'done';
  },
});

function givenAnswers({ flags, settings, givenSettings }: Call<typeof FLAGS>): Given {
  const { store } = settings;
  return {
    name: flags.name ?? settings.prefix,
    start: flags.start,
    store: store === 'local' || store === 'redis' ? store : undefined,
    redisUrl: settings.redisUrl ?? (store === 'redis' ? 'redis://127.0.0.1:6379' : undefined),
    redisUser: flags.redisUser || flags.yes ? flags.redisUser : undefined,
    port: givenSettings.has('prometheusPort') ? settings.prometheusPort : undefined,
    prometheus: flags.prometheus,
    target: flags.target,
    grafana: flags.grafana,
  };
}

/** As the folder looks. A user that an earlier run has named keeps the password. */
function defaultsFor({ settings }: Call<typeof FLAGS>, folder: string): Defaults {
  const manifest = parseManifest(textOfFile(folder, 'package.json') ?? '');
  const [, password = newPassword()] =
    / on >(\S+) /.exec(textOfFile(folder, 'orchestrator/redis-acl.txt') ?? '') ?? [];
  const hasEcosystem = filesBelow(folder, (name) => ECOSYSTEM_FILE.test(name)).paths.length > 0;
  const start = hasEcosystem ? 'pm2' : textOfFile(folder, 'Dockerfile') === undefined ? 'script' : 'docker';
  return { name: manifest?.name ?? basename(folder), start, port: settings.prometheusPort, password };
}

async function write(
  { flags, terminal, json }: Call<typeof FLAGS>,
  folder: string,
  { changes }: InitPlan,
  answers: Answers,
  asks: boolean,
): Promise<FileChange[]> {
  const written: FileChange[] = [];
  for (const change of changes) {
    if (!json)
      await terminal.line(
        `${terminal.colours.bold(change.path)}: ${change.why}\n${shownPatch(change, answers)}\n`,
      );
    if (flags.dryRun) continue;
    if (asks && !(await askYes(terminal, `Write ${change.path}?`, '--yes'))) continue;
    applyChange(
      folder,
      change,
      written.map(({ path }) => path),
    );
    written.push(change);
  }
  return written;
}

function shownPatch(change: FileChange, { redisPassword }: Answers): string {
  const patch = patchOf(change);
  return redisPassword === undefined ? patch : patch.replaceAll(redisPassword, '(hidden)');
}

function closing({ changes, next }: InitPlan, written: number, dryRun: boolean): string {
  if (changes.length === 0) return 'Everything is as it should be: nothing to write.';
  const said = dryRun
    ? `Nothing was written. Without --dry-run it would be ${changes.length} files.`
    : `${written} of ${changes.length} files were written.`;
  const steps = next.map((step) => `  ${step}`).join('\n');
  return written === 0 && !dryRun ? said : `${said} Then:\n${steps}`;
}

function asJson({ changes, next }: InitPlan, written: readonly FileChange[], answers: Answers): object {
  return {
    changes: changes.map((change) => ({
      file: change.path,
      why: change.why,
      written: written.includes(change),
      patch: shownPatch(change, answers),
    })),
    next,
  };
}
