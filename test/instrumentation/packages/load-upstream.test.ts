import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadUpstream } from '../../../src/instrumentation/packages/load-upstream.js';
import { scratchDir } from '../../helpers/scratch.js';
import { diagnostics } from '../../helpers/warnings.js';

test('a package that cannot be loaded is not used, and the diagnostics are told', (t) => {
  const told = diagnostics(t);
  const folder = scratchDir(t, 'load-upstream');
  mkdirSync(join(folder, 'node_modules', 'broken'), { recursive: true });
  writeFileSync(join(folder, 'node_modules', 'broken', 'index.js'), "throw new Error('broken');\n");
  const main = join(folder, 'main.js');
  assert.equal(
    loadUpstream('broken', main, () => 'used'),
    undefined,
  );
  assert.equal(
    loadUpstream('absent', main, () => 'used'),
    undefined,
  );
  assert.deepEqual(
    told.map(([message, code]) => [message, code]),
    [['orchestrator: broken is not used', 'ORCHESTRATOR_PACKAGE_NOT_USED']],
  );
});
