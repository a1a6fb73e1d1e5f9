import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fixturePath, PRELOAD, startApp, startProgram } from '../helpers/app-process.js';
import { ONE_WARNING, quiet, seen } from './own-sdk.js';

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
