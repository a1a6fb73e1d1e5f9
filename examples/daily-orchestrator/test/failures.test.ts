import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';

import { sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { freePort } from '../dev/ports.js';
import { STEP_NAMES } from '../src/workflow/steps.js';
import { assertTablesComplete, itemsInTables, Project, type ProjectOptions } from './project.js';
import { webhook } from './webhook.js';

async function project(t: TestContext, options: ProjectOptions = {}): Promise<Project> {
  const made = await Project.create(options);
  t.after(() => made.end());
  return made;
}

describe('a workflow that fails', () => {
  test('by a time limit: it stops, reports, and runs the next day from the first step', async (t) => {
    const { url, reports } = await webhook(t);
    // No worker: the queue will never be empty. 0.05 minutes are 3 s.
    const tried = await project(t, {
      env: { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: 'hush', LIMIT_ALLIANCE_INFO: '0.05' },
    });
    await tried.command(['status']);
    await tried.db.query(`INSERT INTO schedule (since) VALUES (now() - interval '3 days')`);
    const daemon = tried.start(['run']);
    await eventually(() => assert.equal(reports.length, 1), 120_000);
    const [first] = await tried.runs();
    assert.equal(first?.state, 'failed');
    assert.match(first?.error ?? '', /worker:info:alliances was not done within its limit of 0\.05 minutes/);
    const states = [...(await tried.steps(1)).values()].map(({ state }) => state);
    assert.deepEqual(states, ['succeeded', 'failed', ...Array<string>(5).fill('pending')]);

    const [report] = reports;
    const { run, step, event } = JSON.parse(report?.body ?? '') as Record<string, unknown>;
    assert.deepEqual([event, run, step], ['workflow.failed', 1, 'worker:info:alliances']);
    const signed = `${String(report?.headers['x-timestamp'])}.${report?.body}`;
    assert.equal(
      report?.headers['x-signature'],
      `sha256=${createHmac('sha256', 'hush').update(signed).digest('hex')}`,
    );
    const log = tried.log('daily-orchestrator-error');
    assert.match(log, /"step":"worker:info:alliances".*"step failed"/);
    const samples = await tried.metrics();
    assert.equal(sumOf(samples, 'workflow_failures_total'), 1);
    assert.equal(sumOf(samples, 'workflow_alerts_total', { alert_outcome: 'sent' }), 1);
    assert.equal(
      sumOf(samples, 'workflow_step_failures_total', { workflow_step: 'worker:info:alliances' }),
      1,
    );

    // It is not tried again the same day, however often the daemon looks.
    const looked = await tried.number('SELECT count(*) FROM runs');
    assert.equal(looked, 1);
    daemon.assertRunning();

    // A day later, with a limit that suffices.
    assert.equal(await daemon.stop(), 0);
    const next = tried.start(['run'], { LIMIT_ALLIANCE_INFO: '30' });
    tried.startWorkers();
    await tried.db.query(
      `UPDATE runs SET scheduled_for = scheduled_for - interval '1 day', started_at = started_at - interval '1 day'`,
    );
    await eventually(async () => assert.equal((await tried.runs())[1]?.state, 'succeeded'), 300_000);
    const steps = await tried.steps(2);
    for (const name of STEP_NAMES) assert.equal(steps.get(name)?.state, 'succeeded', name);
    await assertTablesComplete(tried);
    assert.equal(await next.stop(), 0);
  });

  test('by too many dead letters; a manual start then goes on at once, with the step that failed', async (t) => {
    const tried = await project(t, { env: { ESI_ATTEMPTS: '2', DEAD_ITEMS_ALLOWED: '5' } });
    const { behaviour, universe } = tried.esi;
    for (const id of universe.allianceIds.slice(0, 3)) behaviour.statuses.set(`/alliances/${id}/`, 500);
    tried.startWorkers();
    const { code, output } = await tried.command(['run', '--manual']);
    assert.equal(code, 1, output);
    const [failed] = await tried.runs();
    assert.match(
      failed?.error ?? '',
      /3 of 30 items of esi_alliance_info_queue are in its dead-letter queue/,
    );
    assert.equal((await tried.countedItems('dead'))['worker:info:alliances'], 3);

    // Without a step to go on with, its dead items have a new chance, and die again: ESI is as it was.
    const again = await tried.command(['run', '--manual']);
    assert.equal(again.code, 1, again.output);
    assert.equal((await tried.countedItems('dead'))['worker:info:alliances'], 6);

    const second = await tried.command(['run', '--manual', '--from', 'queue:alliance-corporations']);
    assert.equal(second.code, 0, second.output);
    const runs = await tried.runs();
    assert.deepEqual(
      runs.map(({ state }) => state),
      ['succeeded'],
      'the same run goes on',
    );
    const steps = await tried.steps(1);
    assert.deepEqual(
      [...steps.values()].map(({ state }) => state),
      ['succeeded', 'skipped', ...Array<string>(5).fill('succeeded')],
    );
    assert.equal(steps.get('queue:alliances')?.attempts, 1, 'what has succeeded is not done again');
  });

  test('by dead letters, and ESI is mended: a plain manual start gives them a new chance, and succeeds', async (t) => {
    const tried = await project(t, { env: { ESI_ATTEMPTS: '2', DEAD_ITEMS_ALLOWED: '5' } });
    const { behaviour, universe } = tried.esi;
    for (const id of universe.allianceIds.slice(0, 3)) behaviour.statuses.set(`/alliances/${id}/`, 500);
    tried.startWorkers();
    const first = await tried.command(['run', '--manual']);
    assert.equal(first.code, 1, first.output);
    behaviour.statuses.clear();
    await tried.runManually();
    assert.deepEqual(
      (await tried.runs()).map(({ id, state }) => [id, state]),
      [[1, 'succeeded']],
    );
    await assertTablesComplete(tried);
    assert.equal(await tried.number(`SELECT count(*) FROM work_items WHERE state <> 'done'`), 0);
    assert.deepEqual(await tried.countedItems(), await itemsInTables(tried, 1));
  });

  test('before it began: broker or database away, it waits for RECONNECT_LIMIT and no longer', async (t) => {
    const tried = await project(t);
    const port = await freePort();
    for (const away of [
      { RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${port}/` },
      { DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/daily` },
    ]) {
      const { code, output } = await tried.command(['run', '--manual'], { ...away, RECONNECT_LIMIT: '0.02' });
      assert.equal(code, 4, output);
      assert.match(output, /Given up: RabbitMQ or PostgreSQL does not answer/);
      assert.match(output, /ECONNREFUSED/);
    }
  });

  test('while somebody else works on it: a second start says who', async (t) => {
    const tried = await project(t);
    const first = tried.start(['run', '--manual']);
    await eventually(async () => assert.equal((await tried.runs())[0]?.state, 'running'));
    const second = await tried.command(['run', '--manual']);
    assert.equal(second.code, 3);
    assert.match(second.output, new RegExp(`Run 1 is in progress since .*: process ${first.pid} on `));
    const step = await tried.command(['snapshot:alliances']);
    assert.equal(step.code, 3);
    assert.equal(await first.stop(), 4, 'SIGTERM: interrupted');
    assert.equal((await tried.runs())[0]?.state, 'running', 'it goes on with the next start');
  });
});

describe('a wrong setting', () => {
  test('is a sentence and exit code 2', async (t) => {
    const tried = await project(t);
    const { code, output } = await tried.command(['run'], { SCHEDULE_HOUR: '25' });
    assert.equal(code, 2);
    assert.equal(output.split('\n')[0], 'SCHEDULE_HOUR is "25". Allowed: a whole number from 0 to 23.');
    const wrong = await tried.command(['run', '--manual', '--from', 'queue:everything']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.output, /Allowed: queue:alliances, worker:info:alliances/);
  });
});
