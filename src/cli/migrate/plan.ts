import { basename, dirname, join, relative } from 'node:path';

import { ECOSYSTEM_FILE, ecosystemWithPreload } from '../changes/ecosystem.js';
import { withEnvLines, type EnvLine } from '../changes/env-lines.js';
import { BACKUP_ENDING, fileChange, textOfFile, type FileChange } from '../changes/file-change.js';
import { lineOfScript, PACKAGE, parseManifest, withOrchestrator } from '../changes/manifest.js';
import { hasPreload, PRELOAD_OPTION } from '../changes/preload.js';
import { filesBelow } from '../source/source-files.js';
import { analyzeApplication, type Analysis } from './analyze.js';
import type { Remark } from './metric-move.js';
import { rewriteFile, type FoundQuery } from './promql/rewrite-file.js';

/** A query of a dashboard or a rule that names a metric that moves. */
export interface PlannedQuery extends FoundQuery {
  readonly file: string;
}

export interface MigrationPlan {
  readonly analysis: Analysis;
  readonly changes: readonly FileChange[];
  readonly queries: readonly PlannedQuery[];
  /** What a person has to look at, with file and line. */
  readonly byHand: readonly Remark[];
}

const ENV_EXAMPLES = ['.env.example', '.env.sample', '.env.dist', 'env.example'];

/**
 * What a migration of the application in `folder` would do. Changes nothing.
 *
 * @param dashboards a folder of dashboards (JSON) and rules (YAML), absolute
 */
export function planMigration(folder: string, dashboards: string | undefined): MigrationPlan {
  const analysis = analyzeApplication(folder);
  if (analysis.libraries.length === 0) return { analysis, changes: [], queries: [], byHand: [] };
  const changes: Array<FileChange | undefined> = [];
  const byHand: Remark[] = [...analysis.remarks];
  changes.push(manifestChange(folder, byHand));
  changes.push(...ecosystemChanges(folder, byHand));
  changes.push(envChange(folder, analysis));
  byHand.push(...otherStarts(folder));
  const queries: PlannedQuery[] = [];
  if (dashboards !== undefined) changes.push(...dashboardChanges(folder, dashboards, analysis, queries));
  return { analysis, changes: changes.filter((change) => change !== undefined), queries, byHand };
}

function manifestChange(folder: string, byHand: Remark[]): FileChange | undefined {
  const text = textOfFile(folder, 'package.json');
  if (text === undefined) return undefined;
  const { text: after, byHand: scripts } = withOrchestrator(text);
  for (const { script, command, why } of scripts) {
    const place = { file: 'package.json', line: lineOfScript(text, script) };
    byHand.push({
      place,
      text: `"${script}": "${command}" starts the application without the preload: ${why}.`,
    });
  }
  const why = 'The start scripts load the orchestrator before the application, and npm installs it.';
  return fileChange(folder, 'package.json', why, () => after);
}

function ecosystemChanges(folder: string, byHand: Remark[]): Array<FileChange | undefined> {
  const { paths } = filesBelow(folder, (name) => ECOSYSTEM_FILE.test(name));
  return paths.map((path) => {
    const edited = ecosystemWithPreload(path, textOfFile(folder, path) ?? '');
    for (const { line, why } of edited.byHand)
      byHand.push({ place: { file: path, line }, text: `PM2: ${why}.` });
    return fileChange(folder, path, 'PM2 gives the preload to every application.', () => edited.text);
  });
}

function envChange(folder: string, { settings }: Analysis): FileChange | undefined {
  const path = ENV_EXAMPLES.find((name) => textOfFile(folder, name) !== undefined) ?? '.env.example';
  const name = parseManifest(textOfFile(folder, 'package.json') ?? '')?.name;
  const lines: EnvLine[] = [
    {
      name: 'ORCHESTRATOR_PREFIX',
      value: name ?? basename(folder),
      comment: 'The name under which all processes are summed.',
    },
    ...Object.entries(settings).map(([setting, value]) => ({
      name: setting,
      value,
      comment: 'As the metrics were before.',
    })),
  ];
  return fileChange(folder, path, 'The settings that the application needs, as an example.', (before) =>
    withEnvLines(before, lines),
  );
}

/** Images and unit files run Node by themselves; nobody can tell from here how they are built. */
function otherStarts(folder: string): Remark[] {
  const isStart = (name: string): boolean =>
    /^(?:Dockerfile(?:\.\w+)?|\w+\.Dockerfile|Procfile)$/.test(name) || name.endsWith('.service');
  return filesBelow(folder, isStart).paths.flatMap((file) => {
    const lines = (textOfFile(folder, file) ?? '').split('\n');
    if (lines.some((line) => hasPreload(line))) return [];
    return lines.flatMap((line, index) =>
      /^\s*(?:CMD|ENTRYPOINT|ExecStart=|\w+:).*\bnode\b/.test(line)
        ? [
            {
              place: { file, line: index + 1 },
              text: `Starts Node without the preload: add ${PRELOAD_OPTION}.`,
            },
          ]
        : [],
    );
  });
}

function dashboardChanges(
  folder: string,
  dashboards: string,
  { moves }: Analysis,
  queries: PlannedQuery[],
): Array<FileChange | undefined> {
  const { paths } = filesBelow(
    dashboards,
    (name) => /\.(?:json|ya?ml)$/.test(name) && !name.endsWith(BACKUP_ENDING),
  );
  return paths.map((path) => {
    const file = relative(folder, join(dashboards, path)).replaceAll('\\', '/');
    const rewritten = rewriteFile(textOfFile(dashboards, path) ?? '', moves);
    queries.push(...rewritten.queries.map((query) => ({ ...query, file })));
    const why = 'Its queries ask for the new names.';
    return fileChange(folder, file, why, () => rewritten.text);
  });
}

/** Whether the application would find the preload; npm has to install it first. */
export function isInstalled(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (textOfFile(at, `node_modules/${PACKAGE}/package.json`) !== undefined) return true;
    if (at === dirname(at)) return false;
  }
}
