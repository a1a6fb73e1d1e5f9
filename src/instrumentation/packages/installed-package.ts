import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

import { isRecord, type Manifest, nearestManifest, readManifest } from './manifest.js';

/** A package that the application can load. */
export interface InstalledPackage {
  readonly directory: string;
  readonly manifest: Manifest;
}

/**
 * Finds a package as the file `main` would, without loading it. Unlike `require.resolve` it finds packages that export no
 * package.json, and ESM-only ones. `undefined` if it is not installed.
 */
export function findPackage(name: string, main: string): InstalledPackage | undefined {
  for (const directory of createRequire(main).resolve.paths(name) ?? []) {
    const file = join(directory, name, 'package.json');
    if (existsSync(file)) return { directory: dirname(file), manifest: readManifest(file) };
  }
  return undefined;
}

export interface Application {
  /** The names of all packages that the nearest package.json declares. */
  readonly dependencies: ReadonlySet<string>;
  readonly isEsm: boolean;
}

/** Reads the package.json nearest to `main`. */
export function applicationOf(main: string): Application {
  const manifest = nearestManifest(dirname(main)) ?? {};
  const extension = extname(main);
  return {
    dependencies: new Set(DEPENDENCY_FIELDS.flatMap((field) => keysOf(manifest[field]))),
    isEsm: extension.startsWith('.m') || (!extension.startsWith('.c') && manifest['type'] === 'module'),
  };
}

const DEPENDENCY_FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];

function keysOf(value: unknown): string[] {
  return isRecord(value) ? Object.keys(value) : [];
}

/** The file that `import` loads: the `import` or `default` condition of the package's main export. */
export function importEntry({ directory, manifest }: InstalledPackage): string | undefined {
  const entry =
    resolveConditions(manifest['exports']) ?? manifest['module'] ?? manifest['main'] ?? 'index.js';
  return typeof entry === 'string' ? join(directory, entry) : undefined;
}

function resolveConditions(target: unknown): unknown {
  if (!isRecord(target)) return target;
  for (const key of Object.keys(target)) {
    if (key === '.' || key === 'node' || key === 'import' || key === 'default')
      return resolveConditions(target[key]);
  }
  return undefined;
}
