import { patchOf } from '../changes/patch.js';
import { formatTable } from '../output/table.js';
import type { Colours } from '../output/terminal.js';
import type { MetricMove } from './metric-move.js';
import type { MigrationPlan } from './plan.js';

/** What a migration did, besides what it had planned. */
export interface Outcome {
  readonly dryRun: boolean;
  /** Backups that were written, by the file's path. */
  readonly backups: Readonly<Record<string, string>>;
  readonly isInstalled: boolean;
}

/** The plan for a person, and what was done of it. */
export function migrationText(plan: MigrationPlan, outcome: Outcome, { bold, dim }: Colours): string {
  const { analysis, changes, queries, byHand } = plan;
  const rewritten = queries.filter(({ refused }) => refused.length === 0);
  const refused = queries.filter((query) => query.refused.length > 0);
  const sections: Array<readonly [title: string, lines: readonly string[]]> = [
    ['Found', analysis.libraries.map(({ title, found }) => `${title} (${found})`)],
    ['Metrics', metricLines(analysis.moves, bold)],
    [
      'Queries of dashboards and rules',
      rewritten.flatMap(({ file, line, before, after }) => [
        `${file}:${line}`,
        `  - ${oneLine(before)}`,
        `  + ${oneLine(after)}`,
      ]),
    ],
    [
      'Queries left as they are',
      refused.flatMap(({ file, line, before, refused: why }) => [
        `${file}:${line}  ${oneLine(before)}`,
        ...why.map((reason) => `  ${reason}`),
      ]),
    ],
    [
      outcome.dryRun ? 'Would change' : 'Changed',
      changes.flatMap((change) => [
        `${change.path}: ${change.why}${backupText(outcome.backups[change.path])}`,
        ...patchOf(change)
          .split('\n')
          .map((line) => dim(`  ${line}`)),
      ]),
    ],
    ['Left for you', byHand.map(({ place, text }) => `${place.file}:${place.line}  ${text}`)],
    [
      'Not read',
      [
        ...analysis.unreadable.map((file) => `${file}: no parser can read it`),
        ...(analysis.incomplete ? ['There are too many files: name one folder with --folder.'] : []),
      ],
    ],
  ];
  const parts = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${bold(title)}\n${lines.map((line) => `  ${line}`).join('\n')}`);
  return [...parts, closing(plan, outcome)].join('\n\n');
}

function metricLines(moves: readonly MetricMove[], bold: Colours['bold']): string[] {
  if (moves.length === 0) return [];
  const rows = moves.map((move) => [move.from, newName(move), remarkOf(move)]);
  return formatTable([{ title: 'OLD' }, { title: 'NEW' }, { title: '' }], rows, bold).split('\n');
}

function newName({ from, to, matcher }: MetricMove): string {
  if (to === undefined) return '-';
  if (to === from) return 'stays';
  return matcher === undefined ? to : `${to}{${matcher}}`;
}

function remarkOf({ labels, note, place, summed }: MetricMove): string {
  const renamed = Object.entries(labels ?? {}).map(([old, now]) => `${old} -> ${now}`);
  return [
    ...(renamed.length > 0 ? [renamed.join(', ')] : []),
    ...(summed === true ? ['summed over one label more'] : []),
    ...(note === undefined ? [] : [note]),
    ...(place === undefined ? [] : [`${place.file}:${place.line}`]),
  ].join('; ');
}

function oneLine(query: string): string {
  return query.replaceAll(/\s+/g, ' ').trim();
}

function backupText(backup: string | undefined): string {
  return backup === undefined ? '' : ` The file as it was: ${backup}`;
}

function closing({ analysis, changes }: MigrationPlan, { dryRun, isInstalled }: Outcome): string {
  if (analysis.libraries.length === 0)
    return 'Nothing to migrate: neither package.json nor the source uses one of the libraries that are known.';
  if (changes.length === 0) return 'Nothing to change: what can be changed safely is as it should be.';
  if (dryRun) return `Nothing was written. Without --dry-run ${changes.length} files are changed.`;
  const next = isInstalled ? '' : ' Run "npm install" before the next start.';
  return `${changes.length} files were changed.${next} The application's own metrics are where they were; HTTP and runtime metrics are at http://localhost:9464/metrics.`;
}

/** The same for programs. */
export function migrationJson(plan: MigrationPlan, { dryRun, backups, isInstalled }: Outcome): object {
  const { analysis, changes, queries, byHand } = plan;
  return {
    dryRun,
    installed: isInstalled,
    libraries: analysis.libraries,
    metrics: analysis.moves.map(({ from, to, labels = {}, note = null, place = null }) => ({
      old: from,
      new: to ?? null,
      labels,
      note,
      place,
    })),
    changes: changes.map((change) => ({
      file: change.path,
      why: change.why,
      backup: backups[change.path] ?? null,
      patch: patchOf(change),
    })),
    queries,
    byHand,
    unreadable: analysis.unreadable,
  };
}
