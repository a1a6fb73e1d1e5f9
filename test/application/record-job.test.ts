import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recordJob } from '../../src/application/record-job.js';
import { CollectedMetrics } from '../instrumentation/collected-metrics.js';

test('a job that succeeds: its result, one run, its duration, and when it was', async (context) => {
  const metrics = new CollectedMetrics();
  context.after(() => metrics.shutdown());
  const before = Date.now() / 1000;
  const result = await recordJob(
    'report',
    async () => {
      assert.deepEqual(await metrics.series('job.active'), { 'job.name=report': 1 });
      return 42;
    },
    metrics.meter,
  );
  assert.equal(result, 42);
  assert.deepEqual(await metrics.series('job.active'), { 'job.name=report': 0 });
  assert.deepEqual(await metrics.series('job.runs'), { 'job.name=report,job.outcome=success': 1 });
  assert.deepEqual(await metrics.series('job.duration'), { 'job.name=report,job.outcome=success': 1 });
  const { 'job.name=report': time = 0 } = await metrics.series('job.last_success.time');
  assert.ok(time >= before && time <= Date.now() / 1000);
});

test('a job that fails: its own error, a failed run, and no success', async (context) => {
  const metrics = new CollectedMetrics();
  context.after(() => metrics.shutdown());
  const error = new Error('expected');
  const failing = (): never => {
    throw error;
  };
  await assert.rejects(recordJob('report', failing, metrics.meter), (thrown) => thrown === error);
  await recordJob('report', () => 'fine', metrics.meter);
  assert.deepEqual(await metrics.series('job.runs'), {
    'job.name=report,job.outcome=failure': 1,
    'job.name=report,job.outcome=success': 1,
  });
  assert.deepEqual(await metrics.series('job.active'), { 'job.name=report': 0 });
});
