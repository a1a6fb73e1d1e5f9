import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';

import { scratchFolder } from '../../local/scratch.js';
import { runDrill } from './drill.js';
import { lostCounts, reportText } from './drill-report.js';

test('no money is lost or made, and nothing is done twice, whatever is stopped under load', async (t) => {
  const dir = scratchFolder();
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const result = await runDrill({ dir, clients: 8, users: 12, seconds: 3, faults: true });
  t.diagnostic(reportText(result));
  const { verdict } = result;
  for (const name of [
    'sum of all entries, cents',
    'accounts whose balance is not the sum of their events',
    'acknowledged transfers that are not in the database',
    'transfers in the database that no client was told of',
    'balances that differ from what the clients were told, accounts',
  ] as const)
    assert.equal(verdict[name], 0, name);
  assert.ok(verdict['transfers settled'] > 20, 'there was load');
  assert.ok(verdict['transfers that needed more than one try'] > 0, 'the faults were felt');
  const lost = lostCounts(verdict);
  assert.ok(lost >= 0, 'nothing is counted twice');
  assert.ok(
    lost <= result.answersBeforeKill,
    `${lost} counts are missing, of ${result.answersBeforeKill} that were at risk`,
  );
});
