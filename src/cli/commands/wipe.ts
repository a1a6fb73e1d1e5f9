import type { Family } from '../../model/family.js';
import type { SnapshotFamily } from '../../model/snapshot.js';
import type { MetricStore } from '../../store/metric-store.js';
import type { ProjectReader, ProjectSummary } from '../../store/store-reader.js';
import { toggle, valued } from '../arguments/flags.js';
import { globs } from '../arguments/kinds.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { CommandError, type Ending } from '../exit-codes.js';
import { askYes } from '../output/ask.js';
import { MetricNames } from '../output/metric-names.js';
import { agoText, bytesText } from '../output/quantities.js';
import { projectOf, STORE_SETTINGS, withReader } from '../store/open-reader.js';
import { withStore } from '../store/open-store.js';

const FLAGS = {
  yes: toggle('Does not ask.', 'y'),
  family: valued('globs', globs, [], 'Only these metrics: jobs_*,http_server_request_duration_seconds.'),
};

/** Deletes the data of a project, or some metrics of it. */
export const wipe: Command = defineCommand({
  name: 'wipe',
  summary: 'Deletes the data of a project, or some of its metrics. Asks first.',
  description:
    'Processes of the project that run go on from zero, with a new start time, so that rates stay right. Gauges and up-down counters are what live processes say at the moment: with --family they are left as they are.',
  args: [{ name: 'project', description: 'Default: ORCHESTRATOR_PREFIX', optional: true, isProject: true }],
  flags: FLAGS,
  settings: ['prefix', ...STORE_SETTINGS],
  examples: [
    { command: 'wipe shop', does: 'Says what goes, and asks:' },
    { command: 'wipe shop --family "jobs_*" --yes', does: 'Some metrics, in a script:' },
  ],
  run: async (call) => {
    const { terminal, json, flags } = call;
    if (json && !flags.yes)
      throw new CommandError('usage', 'With --json nobody is asked: --yes says that it may be deleted.');
    const { project, doomed } = await withReader(call, async (reader) => {
      const found = await projectOf(call, reader);
      return { project: found, doomed: await doomedOf(call, reader.open(found)) };
    });
    if (!json) terminal.note(doomed.text);
    if (doomed.keys?.length === 0)
      throw new CommandError('noInput', `Nothing of "${project.prefix}" is deleted.`);
    const question = `Delete ${doomed.what} of "${project.prefix}" for good?`;
    if (!flags.yes && !(await askYes(terminal, question, '--yes'))) {
      terminal.note('Nothing was deleted.');
      return 'findings' satisfies Ending;
    }
    await withStore(call, project, (store) => remove(store, doomed.keys));
    if (json) await terminal.json({ project: project.prefix, wiped: doomed.names ?? true });
    else terminal.note(`Deleted: ${doomed.what} of "${project.prefix}".`);
    return 'done' satisfies Ending;
  },
});

/** What is going to be deleted. */
interface Doomed {
  readonly text: string;
  readonly what: string;
  /** Of families; undefined: everything. */
  readonly keys: readonly string[] | undefined;
  readonly names: readonly string[] | undefined;
}

async function doomedOf(call: Call<typeof FLAGS>, reader: ProjectReader): Promise<Doomed> {
  const { family } = call.flags;
  const summary = await reader.summary();
  if (summary === undefined) throw new CommandError('noInput', 'The project has no data any more.');
  if (family.length === 0)
    return { text: everything(summary), what: 'all metrics', keys: undefined, names: undefined };
  const metricNames = new MetricNames(call.settings);
  const isWanted = metricNames.matcher(family);
  const matching = (await reader.snapshot()).families.filter((one) => isWanted(one.family));
  const stored = matching.filter((one) => isStored(one.family));
  const names = stored.map((one) => metricNames.metric(one.family));
  const left = matching.filter((one) => !isStored(one.family)).map((one) => metricNames.metric(one.family));
  return {
    text: [some(summary, stored, names), ...(left.length > 0 ? [stays(left)] : [])].join('\n'),
    what: names.length === 1 ? 'one metric' : `${names.length} metrics`,
    // Versions of a histogram with other buckets are one family in a snapshot.
    keys: (await reader.families()).filter((one) => isStored(one) && isWanted(one)).map(({ key }) => key),
    names,
  };
}

function isStored({ aggregation }: Family): boolean {
  return aggregation === undefined || aggregation === 'keep';
}

function everything({
  prefix,
  project,
  families,
  series,
  bytes,
  instances,
  lastWriteMs,
  nowMs,
}: ProjectSummary): string {
  const size = bytes === undefined ? '' : `, ${bytesText(bytes)}`;
  return `The project "${prefix}" (${project}) has ${families} metrics with ${series} series${size}; written ${agoText(lastWriteMs, nowMs)}. ${living(instances)}`;
}

function some(
  { prefix, instances }: ProjectSummary,
  families: readonly SnapshotFamily[],
  names: readonly string[],
): string {
  if (names.length === 0) return `The project "${prefix}" has no stored metric that matches.`;
  const count = families.reduce((sum, { series }) => sum + series.length, 0);
  return `Of the project "${prefix}", ${count} series of ${names.join(', ')}. ${living(instances)}`;
}

function stays(names: readonly string[]): string {
  return `These stay, because live processes say them anew all the time: ${names.join(', ')}.`;
}

function living(instances: number): string {
  if (instances === 0) return 'No process of it is alive.';
  return instances === 1
    ? 'One live process goes on from zero.'
    : `${instances} live processes go on from zero.`;
}

async function remove(store: MetricStore, keys: readonly string[] | undefined): Promise<void> {
  if (keys === undefined) await store.wipe();
  else await store.forget?.(keys);
}
