import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import { ROOT, sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { Postgres } from '../dev/postgres.js';
import { RabbitMq } from '../dev/rabbitmq.js';
import { QUEUES } from '../src/broker/queues.js';
import { FULL_SIZE } from '../src/stand-in/universe.js';
import { STEP_NAMES } from '../src/workflow/steps.js';
import { Gate } from './gate.js';
import { assertTablesComplete, itemsInTables, Project } from './project.js';

const PM2 = require.resolve('pm2/bin/pm2');
const LONG_MS = 30 * 60_000;
/** The worker that counts without waiting for a flush: what it did since the last one is lost with it. */
const UNFLUSHED = 'worker:alliance-corporations';

interface Listed {
  readonly name: string;
  readonly pid: number;
}

/**
 * All 21,316 entities in one run of PM2's processes. The orchestrator is killed in each step, each worker once in its middle; broker
 * and database are restarted once. PM2 starts again what was killed.
 */
describe('the full size', () => {
  let dir: string;
  let postgres: Postgres;
  let broker: RabbitMq;
  let project: Project;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'daily-full-'));
    chmodSync(dir, 0o755);
    [postgres, broker] = await Promise.all([Postgres.start(dir), RabbitMq.start(dir)]);
    project = await Project.create({
      size: FULL_SIZE,
      servers: { databaseUrl: postgres.url(), brokerUrl: broker.url(), managementUrl: broker.managementUrl },
      env: { CHECK_INTERVAL: '1000', OTEL_METRIC_EXPORT_INTERVAL: '1000' },
    });
    await project.command(['status']);
    await project.db.query(`INSERT INTO schedule (since) VALUES (now() - interval '3 days')`);
  });

  after(async () => {
    await pm2({}, 'kill');
    await project.end();
    await Promise.all([postgres.stop('SIGQUIT'), broker.end()]);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  async function pm2(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
    const home = join(project.dir, 'pm2');
    const { stdout } = await promisify(execFile)(process.execPath, [PM2, ...args, '--silent'], {
      cwd: ROOT,
      env: { ...project.env, PM2_HOME: home, HOME: home, ...env },
      maxBuffer: 10_000_000,
    });
    return stdout;
  }

  async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await pm2(env, 'start', 'ecosystem.config.js', '--only', name);
  }

  async function kill(name: string): Promise<void> {
    process.kill(await pidOf(name), 'SIGKILL');
  }

  async function counted(step: string): Promise<number> {
    return (await project.countedItems())[step] ?? 0;
  }

  async function pidOf(name: string): Promise<number> {
    const text = await pm2({}, 'jlist');
    const listed = (JSON.parse(text.slice(text.indexOf('['))) as Listed[]).find((one) => one.name === name);
    assert.ok(listed !== undefined && listed.pid > 0, `${name} does not run`);
    return listed.pid;
  }

  async function attempts(step: string): Promise<number> {
    return (await project.steps(1)).get(step)?.attempts ?? 0;
  }

  async function killOrchestratorIn(step: string, say: TestContext): Promise<void> {
    await eventually(async () => assert.equal((await project.steps(1)).get(step)?.state, 'running'), LONG_MS);
    await kill('daily-orchestrator');
    say.diagnostic(`killed the orchestrator in ${step}`);
  }

  async function resumed(step: string): Promise<void> {
    await eventually(
      async () => assert.ok((await attempts(step)) >= 2, `${step} was not taken up again`),
      LONG_MS,
    );
  }

  async function done(queue: string): Promise<number> {
    return project.number(
      `SELECT count(*) FROM work_items WHERE run_id = 1 AND queue = $1 AND state = 'done'`,
      [queue],
    );
  }

  async function waitForItems(queue: string, least: number): Promise<void> {
    await eventually(async () => assert.ok((await done(queue)) >= least), LONG_MS, 50);
  }

  test('completes, whatever is killed; nothing is missing or doubled; counters equal the tables', async (t) => {
    const { alliances, corporations } = FULL_SIZE;
    const gates = {
      list: await Gate.close(project, 'work_items', `NEW.queue = '${QUEUES.allianceInfo}'`),
      queue: await Gate.close(project, 'work_items', `NEW.queue = '${QUEUES.allianceCorporations}'`),
      alliances: await Gate.close(project, 'alliance_snapshots'),
      corporations: await Gate.close(project, 'corporation_snapshots'),
    };
    await start('daily-orchestrator');
    await start('worker-alliances');
    await gates.list.entered();
    await killOrchestratorIn('queue:alliances', t);
    await gates.list.open();

    await waitForItems(QUEUES.allianceInfo, 200);
    await killOrchestratorIn('worker:info:alliances', t);
    await waitForItems(QUEUES.allianceInfo, alliances / 3);
    await kill('worker-alliances');
    t.diagnostic('killed worker-alliances');
    await resumed('worker:info:alliances');

    await gates.queue.entered();
    await killOrchestratorIn('queue:alliance-corporations', t);
    await gates.queue.open();
    await resumed('queue:alliance-corporations');

    await start('worker-alliance-corporations', { FLUSH_BEFORE_ACK: 'false' });
    await waitForItems(QUEUES.allianceCorporations, 100);
    await killOrchestratorIn(UNFLUSHED, t);
    await waitForItems(QUEUES.allianceCorporations, alliances / 3);
    const pid = await pidOf('worker-alliance-corporations');
    const unmoved = await counted(UNFLUSHED);
    // A flush, and then the kill: it may lose what it does in between.
    const flushed = await eventually(
      async () => {
        const now = await counted(UNFLUSHED);
        assert.ok(now > unmoved);
        return now;
      },
      LONG_MS,
      50,
    );
    process.kill(pid, 'SIGKILL');
    const killedAt = await done(QUEUES.allianceCorporations);
    const most = killedAt - flushed;
    t.diagnostic(`killed worker-alliance-corporations at ${killedAt} items`);
    await resumed(UNFLUSHED);

    await start('worker-corporations');
    await waitForItems(QUEUES.corporationInfo, corporations / 10);
    await eventually(
      async () => assert.equal((await project.steps(1)).get('worker:info:corporations')?.state, 'running'),
      LONG_MS,
    );
    await killOrchestratorIn('worker:info:corporations', t);
    await resumed('worker:info:corporations');
    await waitForItems(QUEUES.corporationInfo, corporations / 4);
    await kill('worker-corporations');
    t.diagnostic('killed worker-corporations');
    await waitForItems(QUEUES.corporationInfo, corporations / 3);
    await broker.stop('SIGKILL');
    await broker.begin();
    t.diagnostic(`killed and restarted RabbitMQ at ${await done(QUEUES.corporationInfo)} corporations`);
    await waitForItems(QUEUES.corporationInfo, corporations / 2);
    await postgres.stop('SIGQUIT');
    await postgres.begin();
    // The crash of the database has closed the gates' own connections.
    await gates.alliances.closeAgain();
    await gates.corporations.closeAgain();
    t.diagnostic(`crashed and restarted PostgreSQL at ${await done(QUEUES.corporationInfo)} corporations`);

    await gates.alliances.entered();
    await killOrchestratorIn('snapshot:alliances', t);
    await gates.alliances.open();
    await gates.corporations.entered();
    await killOrchestratorIn('snapshot:corporations', t);
    await gates.corporations.open();
    await eventually(async () => assert.equal((await project.runs())[0]?.state, 'succeeded'), LONG_MS);

    assert.equal((await project.runs()).length, 1);
    const steps = await project.steps(1);
    for (const name of STEP_NAMES) {
      assert.equal(steps.get(name)?.state, 'succeeded', name);
      assert.ok((steps.get(name)?.attempts ?? 0) >= 2, `${name} was not interrupted`);
    }
    await assertTablesComplete(project);
    assert.equal(await project.number('SELECT count(*) FROM alliance_snapshots'), alliances);
    assert.equal(await project.number('SELECT count(*) FROM corporation_snapshots'), corporations);
    const tables = await itemsInTables(project, 1);
    assert.equal((tables['worker:info:alliances'] ?? 0) + (tables['worker:info:corporations'] ?? 0), 21_316);
    const all = await project.countedItems();
    const loss = (tables[UNFLUSHED] ?? 0) - (all[UNFLUSHED] ?? 0);
    t.diagnostic(`counted: ${JSON.stringify(all)}`);
    t.diagnostic(`tables:  ${JSON.stringify(tables)}`);
    t.diagnostic(
      `lost by the worker that does not wait for a flush: ${loss}, at most ${most}; by the others: 0`,
    );
    assert.ok(loss >= 0 && loss <= most, `${loss} of at most ${most}`);
    assert.deepEqual({ ...all, [UNFLUSHED]: tables[UNFLUSHED] }, tables);
    // The orchestrator counts the run after it has written down that it has ended.
    await eventually(async () => {
      const success = { job_name: 'daily-workflow', job_outcome: 'success' };
      assert.equal(sumOf(await project.metrics(), 'job_runs_total', success), 1);
    });
  });
});
