import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { onModuleLoaded } from '../../../src/instrumentation/packages/module-loaded.js';
import { scratchDir } from '../../helpers/scratch.js';
import { diagnostics } from '../../helpers/warnings.js';

test('the application gets its package when the listener fails, and the diagnostics are told', (t) => {
  const told = diagnostics(t);
  const folder = scratchDir(t, 'module-loaded');
  mkdirSync(join(folder, 'node_modules', 'strange'), { recursive: true });
  writeFileSync(join(folder, 'node_modules', 'strange', 'index.js'), 'exports.answer = 42;\n');
  const failure = new Error('of ours');
  const stop = onModuleLoaded((exports) => {
    if ('answer' in exports) throw failure;
  });
  t.after(stop);
  const { answer } = createRequire(join(folder, 'main.js'))('strange') as { answer: number };
  assert.equal(answer, 42);
  assert.deepEqual(told, [
    ['orchestrator: routes of strange are not recognized', 'ORCHESTRATOR_ROUTES_UNKNOWN', failure],
  ]);
});
