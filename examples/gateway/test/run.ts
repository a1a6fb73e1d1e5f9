import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { programPath } from '../demo/program.js';

// Fails at once, with what to install, rather than in the middle of a test.
const NEEDS: ReadonlyArray<readonly [string, string]> = [
  ['redis-server', 'redis-server'],
  ['openssl', 'openssl'],
  ['promtool', 'prometheus'],
];

function main(): number {
  try {
    for (const [program, debianPackage] of NEEDS) programPath(program, debianPackage);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
  const full = process.argv.includes('--full');
  const here = __dirname;
  mkdirSync(process.env['TMPDIR'] ?? '/tmp', { recursive: true });
  const files = filesOf(here).concat(full ? filesOf(join(here, 'full')) : []);
  // Two at a time: more would only wait for each other on two processors.
  const args = ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name));
}

process.exitCode = main();
