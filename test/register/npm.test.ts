import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PRELOAD, fixturePath, startProgram } from '../helpers/app-process.js';
import { NPM_CLI } from '../helpers/npm.js';
import { freePort } from '../helpers/ports.js';

test('NODE_OPTIONS with npm run: the application starts us once, npm does not', async (t) => {
  const env = {
    ORCHESTRATOR_STORE: 'memory',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    ORCHESTRATOR_PREFIX: 'shop',
    EXIT_CODE: '3',
  };
  const run = (extra: Record<string, string>) =>
    startProgram(t, process.execPath, [NPM_CLI, 'run', 'job', '--silent'], {
      cwd: fixturePath('npm-run'),
      env: { ...env, ...extra },
    }).ending;
  const bare = await run({});
  const ours = await run({ NODE_OPTIONS: `--require ${PRELOAD}` });
  assert.equal(ours.code, 3);
  assert.equal(ours.code, bare.code);
  assert.equal(ours.stdout, bare.stdout);
  const lines = ours.stderr.split('\n').filter((line) => line.startsWith('[orchestrator]'));
  assert.equal(lines.length, 1, ours.stderr);
});
