import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One installed copy of a package. */
export interface PackageCopy {
  readonly version: string;
  readonly folder: string;
}

/** Nested deeper than npm nests; a circle of links ends here too. */
const MAX_DEPTH = 6;

/** All copies of the packages below the application's `node_modules` and those above it, without following links. */
export function packageCopies(folder: string, names: readonly string[]): Record<string, PackageCopy[]> {
  const found = new Map<string, Map<string, PackageCopy>>(names.map((name) => [name, new Map()]));
  for (let at = folder; ; at = dirname(at)) {
    search(join(at, 'node_modules'), names, found, 0);
    if (at === dirname(at)) break;
  }
  return Object.fromEntries([...found].map(([name, copies]) => [name, [...copies.values()]]));
}

function search(
  modules: string,
  names: readonly string[],
  found: Map<string, Map<string, PackageCopy>>,
  depth: number,
): void {
  if (depth > MAX_DEPTH || !existsSync(modules)) return;
  for (const name of names) {
    const copy = copyAt(join(modules, name));
    if (copy !== undefined) found.get(name)?.set(copy.folder, copy);
  }
  for (const folder of packageFolders(modules)) search(join(folder, 'node_modules'), names, found, depth + 1);
}

function copyAt(folder: string): PackageCopy | undefined {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      version?: unknown;
    };
    return typeof version === 'string' ? { version, folder: realpathSync(folder) } : undefined;
  } catch {
    // Not installed there.
    return undefined;
  }
}

function packageFolders(modules: string): string[] {
  return namesIn(modules).flatMap((name) =>
    name.startsWith('@')
      ? namesIn(join(modules, name)).map((scoped) => join(modules, name, scoped))
      : [join(modules, name)],
  );
}

/** Real folders only: pnpm's links lead to folders that are found in `.pnpm`. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== '.bin' && entry.name !== '.cache')
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
