import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { Broker } from '../src/broker/broker.js';
import { publish } from '../src/broker/publish.js';
import { declareQueue, QUEUES } from '../src/broker/queues.js';
import { silentLog } from '../src/log/log.js';
import { Project } from './project.js';

const STEP = 'worker:info:alliances';
const QUEUE = QUEUES.allianceInfo;
const never = new AbortController().signal;

async function set(t: TestContext, env: Record<string, string> = {}): Promise<Project> {
  const project = await Project.create({ env });
  t.after(() => project.end());
  await project.command(['status']);
  return project;
}

async function brokerOf(t: TestContext, project: Project): Promise<Broker> {
  const broker = await Broker.open(project.env['RABBITMQ_URL'] ?? '', 'test', silentLog());
  t.after(() => broker.close());
  await broker.withChannel((channel) => declareQueue(channel, QUEUE));
  return broker;
}

/** Ends the connection that holds a lock. */
async function endLock(project: Project, name: string): Promise<void> {
  const ended = await project.number(
    `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE application_name = $1 AND datname = current_database()`,
    [`daily-orchestrator ${name}`],
  );
  assert.equal(ended, 1, `${name} is held by one connection`);
}

describe('a lock whose connection is ended', () => {
  test('is noticed: the run is let go, taken up again, and succeeds', async (t) => {
    const project = await set(t);
    let release = (): void => undefined;
    const silence = new Promise<void>((resolve) => (release = resolve));
    project.esi.behaviour.hold = () => silence;
    const run = project.start(['run', '--manual']);
    const attempts = async (): Promise<number> =>
      (await project.steps(1)).get('queue:alliances')?.attempts ?? 0;
    await eventually(async () => assert.equal(await attempts(), 1), 120_000);
    await endLock(project, 'run');
    await eventually(async () => assert.equal(await attempts(), 2), 120_000);
    assert.match(run.output, /the lock \\"run\\" is lost/);
    project.startWorkers();
    release();
    assert.equal(await run.ended(), 0, run.output.slice(-3000));
    const retries = sumOf(await project.metrics(), 'workflow_step_retries_total', {
      workflow_step: 'queue:alliances',
    });
    assert.equal(retries, 1);
  });

  test('and whose slot another process takes: the worker ends with 1, and the next one takes another slot', async (t) => {
    const project = await set(t);
    const broker = await brokerOf(t, project);
    const worker = project.start([STEP]);
    await eventually(() => assert.match(worker.output, /waiting for messages/), 120_000);
    const other = await project.db.connect();
    // Before the pool ends, which waits for it.
    try {
      const slot = 'ledger worker-alliances-0';
      // It waits, so that it has the lock as soon as the worker has lost it.
      const got = other.query('SELECT pg_advisory_lock($1, hashtext($2))', [0x0da11, slot]);
      await eventually(async () =>
        assert.ok((await project.number(`SELECT count(*) FROM pg_locks WHERE NOT granted`)) > 0),
      );
      await endLock(project, slot);
      await got;
      await publish(broker, QUEUE, [{ id: project.esi.universe.allianceIds[0] ?? 0 }], never);
      assert.equal(await worker.ended(), 1, worker.output.slice(-3000));
      assert.match(worker.output, /another process has taken the slot/);
    } finally {
      other.release(true);
    }
    project.start([STEP]);
    await eventually(
      async () =>
        assert.equal(await project.number('SELECT count(*) FROM alliances WHERE checked_at IS NOT NULL'), 1),
      120_000,
    );
  });
});

describe('SIGTERM to a worker with messages in hand', () => {
  test('it finishes them, or gives them back, and takes no others', async (t) => {
    const project = await set(t, { PREFETCH: '8' });
    const broker = await brokerOf(t, project);
    const { behaviour, universe } = project.esi;
    let release = (): void => undefined;
    const silence = new Promise<void>((resolve) => (release = resolve));
    behaviour.hold = () => silence;
    await publish(
      broker,
      QUEUE,
      universe.allianceIds.slice(0, 20).map((id) => ({ id })),
      never,
    );
    const checked = (): Promise<number> =>
      project.number('SELECT count(*) FROM alliances WHERE checked_at IS NOT NULL');
    const ready = async (): Promise<number> =>
      (await broker.withChannel((channel) => channel.checkQueue(QUEUE))).messageCount;

    const finishing = project.start([STEP]);
    await eventually(() => assert.equal(project.esi.underWay, 8), 120_000);
    finishing.kill('SIGTERM');
    await eventually(() => assert.match(finishing.output, /"inHand":8,"msg":"stopping"/));
    release();
    assert.equal(await finishing.ended(), 0, finishing.output.slice(-3000));
    assert.equal(await checked(), 8);
    await eventually(async () => assert.equal(await ready(), 12));

    behaviour.hold = () => new Promise(() => undefined);
    const giving = project.start([STEP]);
    await eventually(() => assert.equal(project.esi.underWay, 8), 120_000);
    assert.equal(await giving.stop(), 0, giving.output.slice(-3000));
    assert.equal(await checked(), 8);
    await eventually(async () => assert.equal(await ready(), 12));
  });
});
