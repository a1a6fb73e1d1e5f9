import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** A compiled test file. */
export interface TestFile {
  readonly path: string;
  /** Below `test`, without its ending: `store/redis/cluster.test`. */
  readonly name: string;
  /** Itself and every other file below `test` that it loads, by name. */
  readonly loads: ReadonlySet<string>;
}

/** All test files below the folder of the compiled tests. */
export function testFiles(root: string): TestFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .toSorted()
    .map((file) => ({ path: join(root, file), name: nameOf(file), loads: loadedBy(root, join(root, file)) }));
}

function loadedBy(root: string, path: string, found: Set<string> = new Set()): Set<string> {
  const name = nameOf(relative(root, path));
  // What a test writes for an application to load is not there.
  if (name.startsWith('..') || found.has(name) || !existsSync(path)) return found;
  found.add(name);
  for (const [, required = ''] of readFileSync(path, 'utf8').matchAll(/require\("(\.[^"]+)"\)/g))
    loadedBy(root, join(dirname(path), required), found);
  return found;
}

function nameOf(file: string): string {
  return file.replace(/\.js$/, '').split(sep).join('/');
}
