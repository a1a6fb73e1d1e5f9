import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { changesBetween, type FamilyChanges, type SeriesChange } from '../../live/snapshot-changes.js';
import type { StoreReader } from '../../store/store-reader.js';
import { optional, toggle, valued } from '../arguments/flags.js';
import { duration, globs } from '../arguments/kinds.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { CommandError, type Ending } from '../exit-codes.js';
import { changeText, valueText } from '../output/change-text.js';
import { MetricNames } from '../output/metric-names.js';
import { durationText } from '../output/quantities.js';
import { printTable } from '../output/table.js';
import { projectOf, STORE_SETTINGS, withReader } from '../store/open-reader.js';
import { readSnapshotFile, type TakenSnapshot } from '../store/snapshot-file.js';

const FLAGS = {
  wait: optional('time', duration(100, 3_600_000), 'Compares the project with itself after this time.'),
  family: valued('globs', globs, [], 'Only metrics whose name matches: http_*,nodejs_*.'),
  exitCode: toggle('Ends with 1 if there are differences.'),
};

/** Shows what changed between two snapshots. */
export const diff: Command = defineCommand({
  name: 'diff',
  summary: 'Shows which series changed between two snapshots, and by how much.',
  description:
    'Each side is a file that "orchestrator snapshot --json" wrote, or a project as it is now. Of counters and histograms it shows what was added; series that are new, gone or began again from zero are marked.',
  args: [
    { name: 'before', description: 'A file, or a project', isProject: true },
    {
      name: 'after',
      description: 'A file, or a project. Default: the project of <before>, now',
      optional: true,
      isProject: true,
    },
  ],
  flags: FLAGS,
  settings: [...STORE_SETTINGS, 'metricsTtl'],
  examples: [
    { command: 'diff before.json', does: 'What happened in the project of that file since then:' },
    { command: 'diff before.json after.json --family "http_*"', does: 'Between two files, without a store:' },
    { command: 'diff shop --wait 10s', does: 'What happens within ten seconds:' },
  ],
  run: async (call) => {
    const [before, after] = await bothSides(call);
    const names = new MetricNames(call.settings);
    const isWanted = names.matcher(call.flags.family);
    const changes = changesBetween(before.snapshot, after.snapshot).filter(({ family }) => isWanted(family));
    const found = changes.flatMap(({ family, series }) =>
      series.filter(({ status }) => status !== 'same').map((change) => ({ family, change })),
    );
    if (call.json) await call.terminal.json(asJson(before, after, changes, names));
    else await print(call, before, after, found, names);
    const ending: Ending = call.flags.exitCode && found.length > 0 ? 'findings' : 'done';
    return ending;
  },
});

type DiffCall = Call<typeof FLAGS>;

async function bothSides(call: DiffCall): Promise<[TakenSnapshot, TakenSnapshot]> {
  const [first = '', second] = call.args;
  const { wait } = call.flags;
  if (wait !== undefined && (second !== undefined || existsSync(first)))
    throw new CommandError('usage', '--wait compares one project with itself: name the project alone.');
  if (wait === undefined && second === undefined && !existsSync(first))
    throw new CommandError(
      'usage',
      `With what is ${JSON.stringify(first)} to be compared? There is no file of that name. Name a second side, or give --wait.`,
    );
  if (existsSync(first) && second !== undefined && existsSync(second))
    return [await readSnapshotFile(first), await readSnapshotFile(second)];
  return withReader(call, async (reader) => {
    const before = await sideOf(call, reader, first);
    if (wait !== undefined) await sleep(wait, undefined, { signal: call.signal });
    return [before, await sideOf(call, reader, second ?? before.prefix)];
  });
}

/** A file wins over a project of the same name. */
async function sideOf(call: DiffCall, reader: StoreReader, side: string): Promise<TakenSnapshot> {
  if (existsSync(side)) return readSnapshotFile(side);
  const project = await projectOf({ args: [side], settings: call.settings }, reader);
  return { ...project, snapshot: await reader.open(project).snapshot(), takenAtMs: Date.now() };
}

type Found = ReadonlyArray<Pick<FamilyChanges, 'family'> & { readonly change: SeriesChange }>;

async function print(
  { terminal }: DiffCall,
  before: TakenSnapshot,
  after: TakenSnapshot,
  found: Found,
  names: MetricNames,
): Promise<void> {
  const within = durationText(Math.abs(after.takenAtMs - before.takenAtMs));
  if (found.length === 0) {
    terminal.note(`Nothing changed within ${within}.`);
    return;
  }
  terminal.note(`${found.length} series changed within ${within}.`);
  await printTable(
    terminal,
    [
      { title: '' },
      { title: 'CHANGE', align: 'right' },
      { title: 'BEFORE', align: 'right' },
      { title: 'AFTER', align: 'right' },
      { title: 'SERIES' },
    ],
    found.map(({ family, change }) => [
      MARKS[change.status],
      changeText(family, change),
      valueText(family, change.before),
      valueText(family, change.after),
      `${names.metric(family)}${names.labelText(change.series)}`,
    ]),
  );
}

const MARKS = { same: ' ', changed: ' ', new: '+', gone: '-', restarted: '0' } as const;

function asJson(
  before: TakenSnapshot,
  after: TakenSnapshot,
  changes: readonly FamilyChanges[],
  names: MetricNames,
): object {
  return {
    before: { project: before.prefix, takenAt: new Date(before.takenAtMs).toISOString() },
    after: { project: after.prefix, takenAt: new Date(after.takenAtMs).toISOString() },
    changes: changes.flatMap(({ family, series }) =>
      series
        .filter(({ status }) => status !== 'same')
        .map(({ series: one, status, before: was, after: is, difference }) => ({
          metric: names.metric(family),
          type: family.type,
          labels: Object.fromEntries(names.labels(one)),
          status,
          before: was ?? null,
          after: is ?? null,
          difference,
        })),
    ),
  };
}
