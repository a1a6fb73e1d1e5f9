import assert from 'node:assert/strict';
import { it } from 'node:test';

import { crashRuns } from './helpers/crash-runs.js';

const KILLS = 4;

// "npm run test:full" has 60 kills, which hit 210 orders.
it('a killed process leaves no order half done, and no step is done twice', async (t) => {
  const { confirmed, compensated } = await crashRuns(KILLS, (line) => t.diagnostic(line));
  // Every other kill hits orders on their way forward, of which three end well; all others are undone.
  assert.deepEqual({ confirmed, compensated }, { confirmed: (KILLS / 2) * 3, compensated: (KILLS / 2) * 4 });
});
