import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

/** Where a package of the application is, and what its package.json says. */
export interface InstalledPackage {
  readonly directory: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/**
 * Finds a package as the file `main` would, without loading it. Packages that export no package.json and ESM-only ones
 * are found as well, which `require.resolve` refuses. `undefined` if it is not installed.
 */
export function findPackage(name: string, main: string): InstalledPackage | undefined {
  for (const directory of createRequire(main).resolve.paths(name) ?? []) {
    const file = join(directory, name, 'package.json');
    if (existsSync(file)) return { directory: dirname(file), manifest: readManifest(file) };
  }
  return undefined;
}

function readManifest(file: string): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(manifest) ? manifest : {};
  } catch {
    return {};
  }
}

export interface Application {
  /** The names of all packages that the nearest package.json declares. */
  readonly dependencies: ReadonlySet<string>;
  readonly isEsm: boolean;
}

/** What the package.json nearest to `main` says of the application. */
export function applicationOf(main: string): Application {
  const manifest = nearestManifest(dirname(main)) ?? {};
  const extension = extname(main);
  return {
    dependencies: new Set(DEPENDENCY_FIELDS.flatMap((field) => keysOf(manifest[field]))),
    isEsm: extension.startsWith('.m') || (!extension.startsWith('.c') && manifest['type'] === 'module'),
  };
}

const DEPENDENCY_FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];

function nearestManifest(directory: string): Record<string, unknown> | undefined {
  const file = join(directory, 'package.json');
  if (existsSync(file)) return readManifest(file);
  const parent = dirname(directory);
  return parent === directory ? undefined : nearestManifest(parent);
}

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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
