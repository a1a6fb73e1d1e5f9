import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from '../dev/eventually.js';
import { freePort } from '../dev/ports.js';
import { Broker } from '../src/broker/broker.js';
import { publish } from '../src/broker/publish.js';
import { QUEUES } from '../src/broker/queues.js';
import { silentLog } from '../src/log/log.js';
import { STEP_NAMES } from '../src/workflow/steps.js';
import { WORKER_KINDS } from '../src/workers/kinds.js';
import { assertTablesComplete, itemsInTables, Project } from './project.js';

const workers = new Set<string>(WORKER_KINDS.map(({ step }) => step));
const never = new AbortController().signal;

describe('the commands', () => {
  let project: Project;

  before(async () => {
    project = await Project.create({ size: { alliances: 10, corporations: 40 } });
  });

  after(() => project.end());

  async function json(...args: string[]): Promise<unknown> {
    const { code, output } = await project.command([...args, '--json']);
    assert.equal(code, 0, output);
    // The preload's own line comes first.
    return JSON.parse(output.slice(output.search(/^[[{]$/m)));
  }

  test('check says what is not ready', async () => {
    const { code, output } = await project.command(['check'], { PATH: '/usr/bin:/bin' });
    assert.equal(code, 1);
    assert.match(output, /NOT OK .*workers on each queue/);
    assert.match(output, /ok .*database/);
    assert.match(output, /ok .*broker/);
    assert.match(output, /ok .*ESI/);
    assert.match(output, /ok .*log folder/);
    assert.match(output, /NOT OK .*a run has succeeded/);
  });

  test('the steps can be run one by one, each to its end', async () => {
    for (const step of STEP_NAMES) {
      const { code, output } = await project.command(workers.has(step) ? [step, '--until-empty'] : [step]);
      assert.equal(code, 0, `${step}: ${output.slice(-3000)}`);
    }
    const runs = await project.runs();
    assert.deepEqual(
      runs.map(({ state, trigger }) => [state, trigger]),
      [['succeeded', 'step']],
    );
    await assertTablesComplete(project);
    const status = (await json('status')) as {
      runs: unknown[];
      steps: Array<{ step: string; state: string }>;
    };
    assert.equal(status.runs.length, 1);
    assert.ok(status.steps.every(({ state }) => state === 'succeeded'));
    const server = project.start(['worker:info:alliances']);
    assert.deepEqual(await project.countedItems(), await itemsInTables(project, 1));
    assert.equal(await server.stop(), 0);
  });

  test('status is a table', async () => {
    const { output } = await project.command(['status']);
    assert.match(output, /1 +│ step +│ succeeded/);
    for (const step of STEP_NAMES) assert.ok(output.includes(step));
    assert.match(output, /Next scheduled start: \d{4}-\d\d-\d\dT02:00:00\.000Z/);
  });

  test('rabbitmq:queue-count and rabbitmq:list-queues count ready and unacknowledged messages', async () => {
    const queue = QUEUES.corporationInfo;
    const broker = await Broker.open(project.env['RABBITMQ_URL'] ?? '', 'test', silentLog());
    try {
      await publish(broker, queue, [{ id: 98_000_001 }, { id: 98_000_002 }, { id: 98_000_003 }], never);
      await broker.withChannel(async (channel) => {
        await channel.prefetch(1);
        await channel.consume(queue, () => undefined);
        await eventually(async () => {
          const counted = await json('rabbitmq:queue-count', queue);
          assert.deepEqual(counted, [{ name: queue, ready: 2, unacknowledged: 1, consumers: 1 }]);
        });
        const listed = (await json('rabbitmq:list-queues')) as Array<{ name: string }>;
        assert.equal(listed.length, 6, 'three queues and their dead-letter queues');
        assert.deepEqual(
          listed.find(({ name }) => name === queue),
          { name: queue, ready: 2, unacknowledged: 1, consumers: 1 },
        );
      });
    } finally {
      await broker.close();
    }
    const { output } = await project.command(['rabbitmq:list-queues'], { RABBITMQ_MANAGEMENT_URL: '' });
    assert.match(output, /esi_corporation_info_queue +│ \d +│ unknown/);
  });

  test('a queue that is not there, and a broker that is not there, are errors', async () => {
    const missing = await project.command(['rabbitmq:queue-count', 'nothing']);
    assert.equal(missing.code, 1);
    assert.match(missing.output, /no queue 'nothing'/);
    const unused = `amqp://guest:guest@127.0.0.1:${await freePort()}/`;
    const absent = await project.command(['rabbitmq:queue-count', 'nothing'], { RABBITMQ_URL: unused });
    assert.equal(absent.code, 1);
    assert.match(absent.output, /^RabbitMQ \(RABBITMQ_URL\) does not answer: .*ECONNREFUSED/m);
  });
});
