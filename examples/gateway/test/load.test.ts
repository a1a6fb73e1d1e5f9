import { it } from 'node:test';

import { assertBounded, loadRun, summaryOf } from './helpers/load-runs.js';

// "npm run test:full" has four rounds.
it('a service and a gateway are killed under load: few errors, and every answer is counted', async (t) => {
  const result = await loadRun(1);
  t.diagnostic(summaryOf(result));
  assertBounded(result);
});
