import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { fixturePath, startProgram, type AppProcess, type Environment } from '../../helpers/app-process.js';
import type { Owner } from '../../helpers/owner.js';
import { PACKAGE_ROOT, scratchDir } from '../../helpers/scratch.js';

/** A copy of an application of the fixtures, with its packages and ours as npm would install them. */
export function copyApplication(owner: Owner, name: string): string {
  const folder = join(scratchDir(owner, 'migrate'), name);
  cpSync(fixturePath(join('migrate', name)), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const entry of readdirSync(join(PACKAGE_ROOT, 'node_modules')))
    if (!entry.startsWith('.')) symlinkSync(join(PACKAGE_ROOT, 'node_modules', entry), join(modules, entry));
  mkdirSync(join(modules, '@org'));
  symlinkSync(PACKAGE_ROOT, join(modules, '@org', 'orchestrator'));
  return folder;
}

/** Every file of the application with its content, without its packages. */
export function contents(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  const own = readdirSync(folder).filter((name) => name !== 'node_modules');
  // Not through links: that to this package leads to its examples, and they lead back to it.
  const paths = own.flatMap((name) => [name, ...filesIn(folder, name)]);
  for (const path of paths.toSorted()) {
    try {
      files[path] = readFileSync(join(folder, path), 'utf8');
    } catch {
      // A folder.
    }
  }
  return files;
}

function filesIn(folder: string, name: string): string[] {
  if (!statSync(join(folder, name)).isDirectory()) return [];
  return readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).map((path) =>
    join(name, path),
  );
}

/** Runs the script of the application's package.json as npm does, without npm between us and its process. */
export function startScript(owner: Owner, folder: string, script: string, env: Environment): AppProcess {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const command = (scripts[script] ?? '').replace(/^((?:\w+=\S+ )*)/, '$1 exec ');
  return startProgram(owner, '/bin/sh', ['-c', command], { cwd: folder, env });
}
