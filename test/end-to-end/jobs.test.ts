import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { runApp } from '../helpers/app-process.js';
import { watchedProject } from './project.js';

test('a cron script of 50 ms: its run is in the next scrape of another process, and stays', async (t) => {
  const { env, look } = await watchedProject(t);
  const began = Date.now() / 1000;
  for (const run of [1, 2]) {
    const { code, stdout, stderr } = await runApp(t, 'cron.cjs', { env });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'done\n' });
    assert.doesNotMatch(stderr, /warn:/);
    const seen = await look();
    const job = { job_name: 'nightly-report', job_outcome: 'success' };
    assert.equal(seen.sum('job_runs_total', job), run);
    assert.equal(seen.sum('job_duration_seconds_count', job), run);
    assert.ok(seen.sum('job_duration_seconds_sum', job) >= run * 0.04);
    assert.equal(seen.sum('job_active', { job_name: 'nightly-report' }), 0);
  }
  const succeeded = await look();
  const [last, ...more] = succeeded.samples('job_last_success_time_seconds', { job_name: 'nightly-report' });
  assert.deepEqual(more, [], 'two processes ran it, it is one job');
  assert.ok(
    last !== undefined && last.value >= began && last.value <= Date.now() / 1000,
    String(last?.value),
  );

  const failed = await runApp(t, 'cron.cjs', { env: { ...env, FAIL: 'true' } });
  assert.equal(failed.code, 2);
  const after = await look();
  assert.equal(after.sum('job_runs_total', { job_outcome: 'failure' }), 1);
  assert.equal(after.sum('job_runs_total', { job_outcome: 'success' }), 2);

  // Some flushes of the others later.
  await sleep(1500);
  assert.equal((await look()).sum('job_last_success_time_seconds'), last.value);
});
