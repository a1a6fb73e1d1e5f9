import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

import { isRecord, nearestManifest } from './manifest.js';

/**
 * Whether an application may load one of some packages, itself or through others, without loading anything. Doubt counts as
 * yes.
 *
 * @param main the application's main file; without one (`node -e`, a REPL) the working directory counts
 */
export function mayLoad(names: readonly string[], main: string | undefined): boolean {
  const file = main ?? join(process.cwd(), 'main');
  // Plug'n'Play has no folders to look into, and a tool's packages may be anywhere beside it.
  if (process.versions['pnp'] !== undefined || file.includes(`${sep}node_modules${sep}`)) return true;
  if (isElsewhere(names, dirname(file))) return true;
  const folders = createRequire(file).resolve.paths('any') ?? [];
  return folders.some((folder) => holds(folder, names));
}

/** Under another name (`npm:express@4`), or in a folder that a dependency is a link to. */
function isElsewhere(names: readonly string[], directory: string): boolean {
  const dependencies = nearestManifest(directory)?.['dependencies'];
  if (!isRecord(dependencies)) return false;
  return Object.values(dependencies).some((range) => {
    const [protocol, rest = ''] = String(range).split(/:(.*)/s);
    if (protocol === 'npm') return names.some((name) => rest.startsWith(`${name}@`));
    return protocol === 'file' || protocol === 'link' || protocol === 'portal' || protocol === 'workspace';
  });
}

function holds(folder: string, names: readonly string[]): boolean {
  if (names.some((name) => existsSync(join(folder, name)))) return true;
  // pnpm puts the packages of packages here, unless it is told not to.
  const pnpm = join(folder, '.pnpm');
  if (existsSync(pnpm)) {
    const hoisted = join(pnpm, 'node_modules');
    return !existsSync(hoisted) || names.some((name) => existsSync(join(hoisted, name)));
  }
  return isNested(folder, names);
}

/** npm's list of all that it has installed, also within other packages. */
function isNested(folder: string, names: readonly string[]): boolean {
  const file = join(folder, '.package-lock.json');
  if (!existsSync(file)) return false;
  try {
    const list = readFileSync(file, 'utf8');
    return names.some((name) => list.includes(`/node_modules/${name}"`));
  } catch {
    return true;
  }
}
