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
import { describe, test, type TestContext } from 'node:test';

import { fixturePath, PRELOAD, startApp, startProgram, type Ending } from '../helpers/app-process.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';

const quiet = {
  ORCHESTRATOR_STORE: 'memory',
  ORCHESTRATOR_PREFIX: 'own',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
};

/** What the application's exporters show, and our warnings. */
function seen({ code, stdout, stderr }: Ending): { shown: string; warnings: string[] } {
  assert.equal(code, 0, stderr);
  return { shown: stdout, warnings: stderr.split('\n').filter((line) => line.includes(' warn: ')) };
}

const ONE_WARNING = /ORCHESTRATOR_ANOTHER_METER_PROVIDER warn: .*StoreMetricReader/;

describe('an application with an OpenTelemetry SDK of its own shows what it showed', () => {
  const variables: Readonly<Record<string, Record<string, string>>> = {
    'beside our metrics': {},
    'where traces are asked for by the environment': { OTEL_TRACES_EXPORTER: 'console' },
  };
  for (const [name, env] of Object.entries(variables)) {
    test(name, async (t) => {
      const run = async (nodeArgs: readonly string[]): Promise<ReturnType<typeof seen>> =>
        seen(await startApp(t, 'own-sdk.cjs', { nodeArgs, env: { ...quiet, ...env } }).ending);
      const bare = await run([]);
      assert.match(bare.shown, /^orders_total\{.*\} 2/m);
      const ours = await run(['--require', PRELOAD]);
      // The one span that was made before the application's SDK went nowhere without us, and goes to our exporter with us.
      assert.equal(ours.shown.replaceAll(/^\{\n[\s\S]*?^\}\n/gm, ''), bare.shown);
      assert.equal(ours.warnings.length, 1, ours.warnings.join('\n'));
      assert.match(ours.warnings[0] ?? '', ONE_WARNING);
    });
  }
});

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

test('the same with a copy of the API of another version', async (t) => {
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

test('the same for an SDK that was started before us', async (t) => {
  const cwd = fixturePath('.');
  const run = async (nodeArgs: readonly string[]): Promise<ReturnType<typeof seen>> => {
    const args = ['--require', fixturePath('own-sdk.cjs'), ...nodeArgs, '-e', ''];
    const env = { ...quiet, OTEL_TRACES_EXPORTER: 'console' };
    return seen(await startProgram(t, process.execPath, args, { cwd, env }).ending);
  };
  const bare = await run([]);
  const ours = await run(['--require', PRELOAD]);
  assert.equal(ours.shown, bare.shown);
  assert.equal(ours.warnings.length, 1);
  assert.match(ours.warnings[0] ?? '', ONE_WARNING);
});
