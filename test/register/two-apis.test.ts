import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { fixturePath, PRELOAD, startProgram } from '../helpers/app-process.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { ONE_WARNING, quiet, seen } from './own-sdk.js';

/** An application folder whose packages use a copy of the API of another version than ours. */
function withAnotherApi(t: TestContext): string {
  const dir = scratchDir(t, 'two-apis');
  const [from, to] = [join(PACKAGE_ROOT, 'node_modules'), join(dir, 'node_modules')];
  const scope = '@opentelemetry';
  mkdirSync(join(to, scope), { recursive: true });
  const packages = [...readdirSync(from), ...readdirSync(join(from, scope)).map((name) => join(scope, name))];
  for (const name of packages.filter((each) => each !== scope && each !== join(scope, 'api')))
    symlinkSync(join(from, name), join(to, name));
  cpSync(join(from, scope, 'api'), join(to, scope, 'api'), { recursive: true });
  // Where it is depends on the version of the API.
  const files = ['package.json', 'build/src/version.js', 'dist/version.cjs', 'dist/version.mjs']
    .map((file) => join(to, scope, 'api', file))
    .filter((path) => existsSync(path));
  assert.ok(files.length > 1);
  for (const path of files) {
    writeFileSync(path, readFileSync(path, 'utf8').replace(/(VERSION = ['"]|"version": ")[\d.]+/, '$11.8.0'));
  }
  cpSync(fixturePath('own-sdk.cjs'), join(dir, 'own-sdk.cjs'));
  return dir;
}

test('an application with an SDK and a copy of the API of another version shows what it showed', async (t) => {
  const cwd = withAnotherApi(t);
  const env = { ...quiet, NODE_PRESERVE_SYMLINKS: '1' };
  const run = async (nodeArgs: readonly string[]): Promise<ReturnType<typeof seen>> =>
    seen(await startProgram(t, process.execPath, [...nodeArgs, './own-sdk.cjs'], { cwd, env }).ending);
  const bare = await run([]);
  assert.match(bare.shown, /^orders_total\{.*\} 2/m);
  const ours = await run(['--require', PRELOAD]);
  assert.equal(ours.shown, bare.shown);
  assert.match(ours.warnings.join('\n'), ONE_WARNING);
});
