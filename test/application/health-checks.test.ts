import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { HealthChecks } from '../../src/application/health-checks.js';
import { CollectedMetrics } from '../instrumentation/collected-metrics.js';

const forever = (): Promise<void> => new Promise(() => undefined);

/** The deadlines' own timers do not. */
function keepAlive(context: TestContext): void {
  const timer = setInterval(() => undefined, 1000);
  context.after(() => clearInterval(timer));
}

test('up, down with its reason, and degraded when only what is not critical is down', async () => {
  const checks = new HealthChecks();
  assert.deepEqual(await checks.run(), { status: 'up', checks: {} });
  checks.register('database', () => Promise.resolve());
  const remove = checks.register('mail', () => Promise.reject(new Error('no route')), { critical: false });
  const degraded = await checks.run();
  assert.equal(degraded.status, 'degraded');
  assert.equal(degraded.checks['database']?.status, 'up');
  assert.equal(degraded.checks['mail']?.status, 'down');
  assert.equal(degraded.checks['mail']?.error, 'no route');
  checks.register('disk', () => false);
  assert.equal((await checks.run()).status, 'down');
  checks.register('disk', () => true);
  remove();
  assert.equal((await checks.run()).status, 'up');
});

test('a hung check fails at its own deadline, is told, and delays no other', async (context) => {
  keepAlive(context);
  const checks = new HealthChecks();
  let told = false;
  checks.register(
    'hung',
    (signal) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      return forever();
    },
    { timeout: 20 },
  );
  const finished: string[] = [];
  checks.register('quick', () => finished.push('quick'), { timeout: 10_000 });
  const report = await checks.run();
  assert.equal(report.status, 'down');
  assert.equal(report.checks['hung']?.error, 'No answer within 20 ms');
  assert.equal(report.checks['quick']?.status, 'up');
  assert.ok(told);
});

test('a check that hangs whatever its signal says is not called again and again', async (context) => {
  keepAlive(context);
  const checks = new HealthChecks();
  const answers: Array<() => void> = [];
  let calls = 0;
  checks.register(
    'hung',
    () => {
      calls += 1;
      return new Promise<void>((resolve) => answers.push(resolve));
    },
    { timeout: 1 },
  );
  for (let run = 0; run < 20; run += 1) assert.equal((await checks.run()).status, 'down');
  assert.ok(calls <= 5, `${calls} calls hang`);
  assert.match((await checks.run()).checks['hung']?.error ?? '', /have not ended/);
  for (const answer of answers) answer();
  await setImmediate();
  await checks.run();
  assert.ok(calls > 5);
});

test('the gauge never waits: a scrape shows the last run and begins the next', async (context) => {
  keepAlive(context);
  const metrics = new CollectedMetrics();
  context.after(() => metrics.shutdown());
  const checks = new HealthChecks();
  checks.register('database', () => undefined);
  checks.register('hung', forever, { timeout: 20, critical: false });
  const stop = checks.observe(metrics.meter);
  assert.deepEqual(await metrics.series('app_health_status'), {});
  await checks.run();
  assert.deepEqual(await metrics.series('app_health_status'), {
    'check=database,critical=true': 1,
    'check=hung,critical=false': 0,
  });
  stop();
});
