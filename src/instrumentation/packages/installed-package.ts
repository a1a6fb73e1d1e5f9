import { existsSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
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
  for (const directory of packageFolders(name, main)) {
    const file = join(directory, 'package.json');
    if (existsSync(file)) return { directory, manifest: readManifest(file) };
  }
  return undefined;
}

/** Where the package may be, in the order in which Node looks. */
function packageFolders(name: string, main: string): string[] {
  const pnp = pnpApi(main);
  if (pnp === undefined)
    return (createRequire(main).resolve.paths(name) ?? []).map((directory) => join(directory, name));
  try {
    const found = pnp.resolveToUnqualified(name, main);
    return typeof found === 'string' ? [found] : [];
  } catch {
    // The application does not declare it.
    return [];
  }
}

/** The part of Yarn's Plug'n'Play that knows where packages are: there is no node_modules (yarnpkg.com/advanced/pnpapi). */
interface PnpApi {
  resolveToUnqualified(request: string, issuer: string): string | null;
}

/** Undefined where packages are in node_modules. */
function pnpApi(main: string): PnpApi | undefined {
  const find: unknown = Reflect.get(Module, 'findPnpApi');
  const api: unknown = typeof find === 'function' ? Reflect.apply(find, Module, [main]) : undefined;
  return isRecord(api) && typeof api['resolveToUnqualified'] === 'function'
    ? (api as Partial<PnpApi> as PnpApi)
    : undefined;
}

export interface Application {
  /** The names of all packages that the application declares. */
  readonly dependencies: ReadonlySet<string>;
  readonly isEsm: boolean;
}

/**
 * Reads what the application declares, from the package.json nearest to `main` that has a name or declares something: a
 * build leaves one in its folder that says nothing but the type of its files.
 */
export function applicationOf(main: string): Application {
  const folder = dirname(main);
  const manifest = nearestManifest(folder, isApplications) ?? {};
  const extension = extname(main);
  return {
    dependencies: new Set(DEPENDENCY_FIELDS.flatMap((field) => keysOf(manifest[field]))),
    isEsm:
      extension.startsWith('.m') ||
      (!extension.startsWith('.c') && nearestManifest(folder)?.['type'] === 'module'),
  };
}

const DEPENDENCY_FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];

function isApplications(manifest: Manifest): boolean {
  return ['name', ...DEPENDENCY_FIELDS].some((field) => field in manifest);
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
