import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from '../dev/eventually.js';
import type { Program } from '../dev/program.js';
import { QUEUES } from '../src/broker/queues.js';
import { STEP_NAMES } from '../src/workflow/steps.js';
import { Gate } from './gate.js';
import { assertTablesComplete, itemsInTables, Project } from './project.js';

const SIZE = { alliances: 40, corporations: 120 };
/** Requests that are answered before ESI is silent. */
const ANSWERED = 12;

describe('kill -9 of the orchestrator in each step, and of each worker', () => {
  let project: Project;
  let orchestrator: Program;

  before(async () => {
    project = await Project.create({ size: SIZE, env: { PREFETCH: '8' } });
    await project.command(['status']);
  });

  after(() => project.end());

  function begin(): void {
    orchestrator = project.start(['run', '--manual']);
  }

  async function killIn(step: string): Promise<void> {
    await eventually(async () => {
      orchestrator.assertRunning();
      assert.equal((await project.steps(1)).get(step)?.state, 'running');
    });
    await orchestrator.stop('SIGKILL');
    assert.equal(
      (await project.steps(1)).get(step)?.state,
      'running',
      `${step} was not killed in its middle`,
    );
  }

  /**
   * Kills a worker that has some items behind it, whose first half the endpoint has counted, and some in hand. Answers its loss at
   * most, if it counts without flushing: what it did after the flush that was seen.
   */
  async function killWorker(step: string, queue: string, env: Record<string, string> = {}): Promise<number> {
    let answered = 0;
    let release = (): void => undefined;
    const silence = new Promise<void>((resolve) => (release = resolve));
    let allowed = ANSWERED / 2;
    let goOn = (): void => undefined;
    const half = new Promise<void>((resolve) => (goOn = resolve));
    project.esi.behaviour.hold = () => {
      answered += 1;
      if (answered <= allowed) return undefined;
      return answered <= ANSWERED ? half : silence;
    };
    const worker = project.start([step], env);
    const done = (): Promise<number> =>
      project.number(`SELECT count(*) FROM work_items WHERE run_id = 1 AND queue = $1 AND state = 'done'`, [
        queue,
      ]);
    await eventually(async () => {
      worker.assertRunning();
      assert.ok((await done()) >= allowed);
    });
    const flushed = await done();
    const seen = await eventually(async () => {
      const counted = (await project.countedItems())[step] ?? 0;
      assert.ok(counted >= flushed, `${counted} of ${flushed} are counted`);
      return counted;
    });
    allowed = ANSWERED;
    goOn();
    await eventually(async () => assert.ok((await done()) >= ANSWERED));
    await worker.stop('SIGKILL');
    const recent = (await done()) - seen;
    assert.ok(recent <= ANSWERED / 2);
    project.esi.behaviour.hold = () => undefined;
    release();
    project.start([step], env);
    return recent;
  }

  test('the run completes, no item is missing or doubled, and the counters are exact where they are flushed', async (t) => {
    const gates = {
      queue: await Gate.close(project, 'work_items', `NEW.queue = '${QUEUES.allianceCorporations}'`),
      alliances: await Gate.close(project, 'alliance_snapshots'),
      corporations: await Gate.close(project, 'corporation_snapshots'),
    };
    t.after(() => Promise.all(Object.values(gates).map((gate) => gate.open())));

    let release = (): void => undefined;
    const silence = new Promise<void>((resolve) => (release = resolve));
    project.esi.behaviour.hold = () => silence;
    begin();
    await killIn('queue:alliances');
    project.esi.behaviour.hold = () => undefined;
    release();

    begin();
    await killIn('worker:info:alliances');
    begin();
    await killWorker('worker:info:alliances', QUEUES.allianceInfo);

    await gates.queue.entered();
    await killIn('queue:alliance-corporations');
    await gates.queue.open();
    begin();
    await killIn('worker:alliance-corporations');
    begin();
    const most = await killWorker('worker:alliance-corporations', QUEUES.allianceCorporations, {
      FLUSH_BEFORE_ACK: 'false',
    });
    await killIn('worker:info:corporations');
    begin();
    await killWorker('worker:info:corporations', QUEUES.corporationInfo);

    await gates.alliances.entered();
    await killIn('snapshot:alliances');
    await gates.alliances.open();
    begin();
    await gates.corporations.entered();
    await killIn('snapshot:corporations');
    await gates.corporations.open();

    begin();
    assert.equal(await orchestrator.ended(), 0, orchestrator.output.slice(-3000));
    const steps = await project.steps(1);
    assert.deepEqual([...steps.keys()], STEP_NAMES);
    for (const [name, { attempts, state }] of steps) {
      assert.equal(state, 'succeeded', name);
      assert.ok(attempts >= 2, `${name}: ${attempts} attempts`);
    }
    await assertTablesComplete(project);

    const tables = await itemsInTables(project, 1);
    const counted = await project.countedItems();
    const step = 'worker:alliance-corporations';
    const loss = (tables[step] ?? 0) - (counted[step] ?? 0);
    t.diagnostic(`the worker without a flush lost ${loss} of at most ${most} items; the others none`);
    assert.ok(loss >= 0 && loss <= most, `${loss} of at most ${most}`);
    assert.deepEqual({ ...counted, [step]: tables[step] }, tables);
  });
});
