import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse } from 'yaml';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { copyStack } from './stack-folder.js';

test('shellcheck refuses what is wrong, so that its silence means something', (t) => {
  const file = join(copyStack(t), 'wrong.sh');
  writeFileSync(file, 'cd $HOME\n');
  assert.match(shellcheck([file], '--shell=sh'), /SC2164/);
});

test('every shell script passes shellcheck', () => {
  const scripts = ['.ci', 'examples'].flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => /^#!.*sh\n/.test(readFileSync(file, 'utf8'))),
  );
  assert.ok(scripts.length >= 2, scripts.join(', '));
  assert.equal(shellcheck(scripts), '');
});

test('what the Makefile and the compose file give to a shell passes shellcheck', (t) => {
  const folder = copyStack(t);
  const targets =
    /^\.PHONY: (.*)$/m.exec(readFileSync(join(folder, 'Makefile'), 'utf8'))?.[1]?.split(' ') ?? [];
  assert.ok(targets.length >= 7, targets.join(', '));
  const recipes = targets.map((target) =>
    execFileSync('make', ['--dry-run', '--no-print-directory', target], { cwd: folder, encoding: 'utf8' }),
  );
  const files = [...recipes, ...shellCommands(folder)].map((script, index) => {
    const file = join(folder, `${index}.sh`);
    writeFileSync(file, script);
    return file;
  });
  // make has filled in its variables, so that words are constant. .env.generated is not there yet.
  assert.equal(shellcheck(files, '--shell=sh', '--exclude=SC2194,SC2050,SC1091'), '');
});

/** What services run by `sh -c`. */
function shellCommands(folder: string): string[] {
  const { services } = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, { command?: readonly unknown[] }>;
  };
  const scripts = Object.values(services).flatMap(({ command: [program, flag, script] = [] }) =>
    program === 'sh' && flag === '-c' ? [String(script).replaceAll('$$', '$')] : [],
  );
  assert.equal(scripts.length, 2);
  return scripts;
}

/** What it has to say; nothing if all is well. */
function shellcheck(files: readonly string[], ...options: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync('shellcheck', [...options, ...files], { encoding: 'utf8' });
  return stdout + stderr + (error?.message ?? '');
}
