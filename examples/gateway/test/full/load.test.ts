import { it } from 'node:test';

import { assertBounded, loadRun, summaryOf } from '../helpers/load-runs.js';

it('services and gateways are killed under load for a minute', async (t) => {
  const result = await loadRun(5);
  t.diagnostic(summaryOf(result));
  assertBounded(result);
});
