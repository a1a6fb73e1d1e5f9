import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse, parseAllDocuments } from 'yaml';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { chartValues, renderTemplate } from './helm-template.js';

/** A Kubernetes object as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

const FOLDER = join(PACKAGE_ROOT, 'examples', 'kubernetes');
const CHART = join(FOLDER, 'chart');

function read(...path: readonly string[]): string {
  return readFileSync(join(FOLDER, ...path), 'utf8');
}

function manifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** The objects of the files that a kustomization names, without what it changes in them. */
export function kustomizationFiles(folder: string): Manifest[] {
  const { resources } = parse(read(folder, 'kustomization.yaml')) as { resources: string[] };
  return resources
    .filter((resource) => resource.endsWith('.yaml'))
    .flatMap((resource) => manifests(read(folder, resource)));
}

/** The objects that a kustomization makes; undefined where kubectl is not installed. */
export function kustomized(folder: string): Manifest[] | undefined {
  try {
    return manifests(
      execFileSync('kubectl', ['kustomize', join(FOLDER, folder)], { encoding: 'utf8', stdio: 'pipe' }),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The objects that the chart makes of its default values, with some of them changed. */
export function charted(given: Readonly<Record<string, unknown>> = {}): Manifest[] {
  const values = chartValues(read('chart', 'Chart.yaml'), read('chart', 'values.yaml'), given);
  const templates = readdirSync(join(CHART, 'templates'));
  return templates.flatMap((file) => manifests(renderTemplate(read('chart', 'templates', file), values)));
}
