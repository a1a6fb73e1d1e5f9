import { textOfFile } from '../changes/file-change.js';
import { parseManifest } from '../changes/manifest.js';
import { packageUses, type PackageUse } from '../source/package-use.js';
import { sourcesOf } from '../source/source-files.js';
import { LIBRARIES } from './libraries/all-libraries.js';
import { isOf, type Library } from './libraries/library.js';
import type { MetricMove, Remark } from './metric-move.js';

/** What an application measures with today. */
export interface Analysis {
  /** Titles of the libraries that were found, with how: a dependency, or a line that loads it. */
  readonly libraries: ReadonlyArray<{ readonly title: string; readonly found: string }>;
  readonly moves: readonly MetricMove[];
  readonly remarks: readonly Remark[];
  /** Settings that keep our metrics like the old ones. */
  readonly settings: Readonly<Record<string, string>>;
  readonly unreadable: readonly string[];
  readonly incomplete: boolean;
}

/** Words without which a source file loads none of the libraries: such files are not parsed. */
const WORDS = [
  'prom-client',
  'express-prom-bundle',
  'prometheus-api-metrics',
  '@pm2/io',
  'pmx',
  'pm2-',
  '@opentelemetry/',
];

/** Reads package.json and the source of an application. Changes nothing. */
export function analyzeApplication(folder: string): Analysis {
  const { files, unreadable, incomplete } = sourcesOf(folder, WORDS);
  const dependencies = dependenciesOf(folder);
  const uses: PackageUse[] = [];
  const loads: Array<{ readonly packageName: string; readonly where: string }> = [];
  for (const file of files) {
    const found = packageUses(file, (name) => LIBRARIES.some((library) => isOf(library, name)));
    uses.push(...found.uses);
    for (const { packageName, line } of found.loads)
      loads.push({ packageName, where: `${file.path}:${line}` });
  }
  const found = LIBRARIES.flatMap((library) => {
    const where = evidenceOf(library, dependencies, loads);
    return where === undefined ? [] : [{ library, found: where }];
  });
  const packages = [...new Set([...dependencies, ...loads.map(({ packageName }) => packageName)])];
  const findings = found.map(({ library }) =>
    library.analyze(
      uses.filter(({ packageName }) => isOf(library, packageName)),
      packages.filter((name) => isOf(library, name)),
    ),
  );
  return {
    libraries: found.map(({ library, found: where }) => ({ title: library.title, found: where })),
    moves: distinct(findings.flatMap(({ moves }) => moves)),
    remarks: findings.flatMap(({ remarks }) => remarks).toSorted(byPlace),
    settings: Object.assign({}, ...findings.map(({ settings }) => settings)) as Record<string, string>,
    unreadable,
    incomplete,
  };
}

function dependenciesOf(folder: string): string[] {
  const manifest = parseManifest(textOfFile(folder, 'package.json') ?? '');
  return Object.keys({ ...manifest?.devDependencies, ...manifest?.dependencies });
}

/** The API alone is no set-up: an application may record with it under our preload. */
function evidenceOf(
  library: Library,
  dependencies: readonly string[],
  loads: ReadonlyArray<{ readonly packageName: string; readonly where: string }>,
): string | undefined {
  const isEvidence = (name: string): boolean => name !== '@opentelemetry/api' && isOf(library, name);
  const load = loads.find(({ packageName }) => isEvidence(packageName));
  if (load !== undefined) return `${load.where} loads ${load.packageName}`;
  const dependency = dependencies.find(isEvidence);
  return dependency === undefined ? undefined : `package.json depends on ${dependency}`;
}

/** A metric once, by the first library that explains it; one that the application makes itself is not a default one. */
function distinct(moves: readonly MetricMove[]): MetricMove[] {
  const found = new Map<string, MetricMove>();
  for (const move of moves) if (!found.has(move.from)) found.set(move.from, move);
  return [...found.values()];
}

function byPlace({ place: a }: Remark, { place: b }: Remark): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1;
}
