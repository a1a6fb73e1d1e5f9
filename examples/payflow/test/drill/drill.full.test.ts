import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';

import { scratchFolder } from '../../local/scratch.js';
import { runDrill, type DrillResult } from './drill.js';
import { lostCounts, reportText } from './drill-report.js';

async function drill(faults: boolean): Promise<DrillResult> {
  const dir = scratchFolder();
  try {
    return await runDrill({ dir, clients: 8, users: 20, seconds: 10, faults });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test('a longer drill, beside the same load without faults', { timeout: 1_200_000 }, async (t) => {
  const [faulty, calm] = [await drill(true), await drill(false)];
  t.diagnostic(reportText(faulty));
  t.diagnostic(reportText(calm));
  for (const { verdict } of [faulty, calm]) {
    assert.equal(verdict['sum of all entries, cents'], 0);
    assert.equal(verdict['accounts whose balance is not the sum of their events'], 0);
    assert.equal(verdict['acknowledged transfers that are not in the database'], 0);
    assert.equal(verdict['transfers in the database that no client was told of'], 0);
    assert.equal(verdict['balances that differ from what the clients were told, accounts'], 0);
  }
  const lost = lostCounts(faulty.verdict);
  assert.ok(lost >= 0, 'nothing is counted twice');
  assert.ok(
    lost <= faulty.answersBeforeKill,
    `${lost} counts are missing, of ${faulty.answersBeforeKill} that were at risk`,
  );
  // Without faults nothing is lost of the counts either.
  assert.equal(
    calm.verdict['answers that the endpoint counted'],
    calm.verdict['answers that clients got from the service'],
  );
});
