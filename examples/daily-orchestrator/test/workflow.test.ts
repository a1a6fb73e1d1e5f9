import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { PANELS } from '../dashboard/board.js';
import { ROOT, sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { freePort } from '../dev/ports.js';
import { Program } from '../dev/program.js';
import { STEP_NAMES } from '../src/workflow/steps.js';
import { assertTablesComplete, itemsInTables, Project } from './project.js';

const SIZE = { alliances: 60, corporations: 300 };

describe('the whole workflow, started by the daemon because a day was missed', () => {
  let project: Project;
  let prometheus: string;
  let server: Program;

  before(async () => {
    // Slow enough for Prometheus to see it.
    project = await Project.create({ size: SIZE, esi: { delayMs: 100 }, env: { PREFETCH: '10' } });
    prometheus = `http://127.0.0.1:${await freePort()}`;
    server = startPrometheus(project, prometheus);
    project.startWorkers();
    await project.command(['status']);
    await project.db.query(`INSERT INTO schedule (since) VALUES (now() - interval '3 days')`);
  });

  after(async () => {
    await server.stop('SIGKILL');
    await project.end();
  });

  test('two daemons start one run', async () => {
    const daemons = [project.start(['run']), project.start(['run'], { NODE_APP_INSTANCE: '1' })];
    await eventually(async () => {
      for (const daemon of daemons) daemon.assertRunning();
      assert.equal((await project.runs())[0]?.state, 'succeeded');
    }, 300_000);
    const runs = await project.runs();
    assert.equal(runs.length, 1, 'a run for each daemon');
    assert.equal(runs[0]?.trigger, 'catch-up');
    assert.equal(runs[0]?.scheduledFor?.toISOString().slice(11), '02:00:00.000Z');
    await eventually(() => {
      const said = daemons.filter(({ output }) =>
        /Run 1 is in progress since .*: process \d+ on /.test(output),
      );
      const worked = daemons.filter(({ output }) => output.includes('"working on a run"'));
      assert.equal(worked.length, 1);
      assert.equal(said.length, 1);
      assert.ok(said.every((daemon) => !worked.includes(daemon)));
    });
    for (const daemon of daemons) assert.equal(await daemon.stop(), 0, 'SIGTERM is a clean end');
  });

  test('every step has succeeded, with its items, and is in the log', async () => {
    const steps = await project.steps(1);
    assert.deepEqual([...steps.keys()], STEP_NAMES);
    for (const [name, { state, attempts }] of steps)
      assert.deepEqual([state, attempts], ['succeeded', 1], name);
    assert.equal(steps.get('worker:info:alliances')?.items, SIZE.alliances);
    assert.equal(steps.get('worker:info:corporations')?.items, SIZE.corporations);
    const log = project.log('daily-orchestrator') + project.log('daily-orchestrator-1');
    for (const name of STEP_NAMES) {
      assert.match(log, new RegExp(`"step":"${name}".*"step begins"`));
      assert.match(log, new RegExp(`"step":"${name}".*"step succeeded"`));
    }
  });

  test('the tables are complete', async () => {
    await assertTablesComplete(project);
    assert.equal(await project.number('SELECT count(*) FROM alliance_snapshots'), SIZE.alliances);
    assert.equal(await project.number('SELECT count(*) FROM corporation_snapshots'), SIZE.corporations);
    const members = 'SELECT sum(members)::int FROM';
    assert.equal(
      await project.number(`${members} alliance_snapshots`),
      await project.number(`${members} corporations`),
    );
  });

  test('the counters equal the tables, though the daemon that counted most of them is gone', async () => {
    assert.deepEqual(await project.countedItems(), await itemsInTables(project, 1));
    const samples = await project.metrics();
    assert.equal(sumOf(samples, 'job_runs_total', { job_name: 'daily-workflow', job_outcome: 'success' }), 1);
    for (const step of STEP_NAMES) {
      assert.equal(sumOf(samples, 'job_runs_total', { job_name: step, job_outcome: 'success' }), 1, step);
      assert.ok(sumOf(samples, 'workflow_last_step_duration_seconds', { workflow_step: step }) > 0, step);
    }
    assert.ok(sumOf(samples, 'job_last_success_time_seconds', { job_name: 'daily-workflow' }) > 1.7e9);
    assert.ok(sumOf(samples, 'workflow_last_schedule_delay_seconds') > 0);
    const paths = 1 + 2 * SIZE.alliances + SIZE.corporations;
    assert.equal(sumOf(samples, 'esi_requests_total', { esi_status: '200' }), paths);
  });

  test('a counter that an alert watches begins at zero', async () => {
    const samples = await project.metrics();
    const zeros = [...samples].filter(
      ([series, value]) => series.startsWith('workflow_failures_total') && value === 0,
    );
    assert.equal(zeros.length, 1);
    const dead = [...samples.keys()].filter(
      (series) => series.startsWith('workflow_items_total') && series.includes('workflow_outcome="dead"'),
    );
    assert.equal(dead.length, 3);
  });

  test('no panel of the dashboard is dead', async () => {
    for (const { queries, title } of PANELS) {
      for (const [expression] of queries) {
        const query = expression.replaceAll('$job', '.+').replaceAll('$__rate_interval', '5m');
        await eventually(async () => {
          const values = await ask(prometheus, query);
          assert.ok(values.length > 0, `${title}: ${query} yields nothing`);
          assert.ok(values.every(Number.isFinite), `${title}: ${query} yields ${values.join(', ')}`);
        }, 30_000);
      }
    }
  });

  test('a second run asks ESI for nothing that is still valid, and counts on', async () => {
    await project.runManually();
    const [, second] = await project.runs();
    assert.deepEqual([second?.trigger, second?.state], ['manual', 'succeeded']);
    const samples = await project.metrics();
    assert.equal(
      sumOf(samples, 'esi_requests_total', { esi_status: '200' }),
      1 + 2 * SIZE.alliances + SIZE.corporations,
    );
    const counted = await project.countedItems();
    const tables = await itemsInTables(project, 2);
    for (const [step, items] of Object.entries(counted)) assert.equal(items, 2 * (tables[step] ?? 0), step);
    await assertTablesComplete(project);
  });
});

function startPrometheus(project: Project, url: string): Program {
  const dir = join(project.dir, 'prometheus');
  mkdirSync(dir);
  const target = `127.0.0.1:${project.env['OTEL_EXPORTER_PROMETHEUS_PORT']}`;
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    rule_files: [join(ROOT, 'alerts/daily-workflow.yml')],
    scrape_configs: [{ job_name: 'daily', static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  return new Program(
    'prometheus',
    'prometheus',
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      `--web.listen-address=${new URL(url).host}`,
      '--log.level=warn',
    ],
    { cwd: dir },
  );
}

async function ask(prometheus: string, query: string): Promise<number[]> {
  const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { status, error, data } = (await answer.json()) as {
    status: string;
    error?: string;
    data: { result: Array<{ value: [number, string] }> };
  };
  assert.equal(status, 'success', `${query}: ${error}`);
  return data.result.map(({ value: [, text] }) => Number(text));
}
