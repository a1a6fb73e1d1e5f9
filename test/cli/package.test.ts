import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { PROGRAM_FILE } from './program.js';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as Manifest;

test('the published package has the program, its licences, and not the parts that it is made of', () => {
  const [{ files } = { files: [] }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: PACKAGE_ROOT,
      encoding: 'utf8',
    }),
  ) as Array<{ files: Array<{ path: string }> }>;
  const paths = files.map(({ path }) => path);
  assert.equal(manifest.bin['orchestrator'], 'dist/bin/orchestrator.js');
  for (const path of [
    'dist/bin/orchestrator.js',
    'dist/bin/licenses.txt',
    'dist/src/index.js',
    'dist/register.js',
  ])
    assert.ok(paths.includes(path), path);
  assert.deepEqual(
    paths.filter((path) => path.startsWith('dist/src/cli/')),
    [],
  );
});

test('the program needs nothing that installing the package does not bring', () => {
  const text = readFileSync(PROGRAM_FILE, 'utf8');
  assert.match(text, /^#!\/usr\/bin\/env node\n/);
  const required = new Set(Array.from(text.matchAll(/\brequire\("([^"]+)"\)/g), ([, name = '']) => name));
  assert.ok(required.size > 10);
  for (const name of required) {
    if (name.startsWith('.')) {
      const file = resolve(dirname(PROGRAM_FILE), name);
      assert.ok(file.startsWith(join(PACKAGE_ROOT, 'dist', 'src')), name);
      assert.ok(!file.startsWith(join(PACKAGE_ROOT, 'dist', 'src', 'cli')), name);
      continue;
    }
    const known = builtinModules.includes(name.replace(/^node:/, '')) || name in manifest.dependencies;
    assert.ok(known, `it requires ${name}`);
  }
});

test('what it was made of is named with its licence', () => {
  const licences = readFileSync(join(dirname(PROGRAM_FILE), 'licenses.txt'), 'utf8');
  for (const name of ['commander', 'cli-table3', 'picocolors', '@clack/prompts', '@bomb.sh/tab']) {
    assert.ok(name in manifest.devDependencies);
    assert.match(licences, new RegExp(`^${name} \\d`, 'm'));
  }
});

test('it loads no SDK', () => {
  const script = `
    const Module = require('node:module');
    const load = Module._load;
    Module._load = function (name, ...rest) {
      if (/sdk-(?:node|metrics)|instrumentation-|exporter-/.test(name)) { process.stdout.write('LOADED ' + name + '\\n'); }
      return load.call(this, name, ...rest);
    };
    process.argv.splice(1, process.argv.length, 'orchestrator', 'projects', '--json');
    require(${JSON.stringify(PROGRAM_FILE)});`;
  const env = { ...process.env, ORCHESTRATOR_LOCAL_DIR: '/nonexistent', ORCHESTRATOR_REDIS_URL: '' };
  assert.equal(execFileSync(process.execPath, ['--eval', script], { encoding: 'utf8', env }), '[]\n');
});
