import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { connect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';

import { sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { Broker } from '../src/broker/broker.js';
import { publish } from '../src/broker/publish.js';
import { managementOf, queueDepth, type QueueDepth } from '../src/broker/queue-depth.js';
import { declareQueue, deadLetterQueue, QUEUES } from '../src/broker/queues.js';
import { silentLog } from '../src/log/log.js';
import type { ItemCounts } from '../src/database/work-items.js';
import { waitUntilEmpty } from '../src/workflow/wait-until-empty.js';
import { Project } from './project.js';

const QUEUE = QUEUES.allianceInfo;
const NOTHING: ItemCounts = { queued: 0, done: 0, dead: 0 };
const never = new AbortController().signal;

describe('a queue', () => {
  let project: Project;
  let broker: Broker;
  let foreign: ChannelModel;
  let channel: Channel;
  let depth: () => Promise<QueueDepth>;

  before(async () => {
    project = await Project.create();
    const { RABBITMQ_URL: url = '', RABBITMQ_MANAGEMENT_URL: management } = project.env;
    broker = await Broker.open(url, 'test', silentLog());
    await broker.withChannel((made) => declareQueue(made, QUEUE));
    foreign = await connect(url);
    channel = await foreign.createChannel();
    const api = managementOf(management, url);
    depth = () => queueDepth(broker, api, QUEUE);
  });

  after(async () => {
    await foreign.close();
    await broker.close();
    await project.end();
  });

  /** A message in the hand of a consumer. */
  async function held(): Promise<ConsumeMessage> {
    await publish(broker, QUEUE, [{ id: 1 }], never);
    return new Promise((resolve, reject) => {
      channel.consume(QUEUE, (message) => message !== null && resolve(message)).catch(reject);
    });
  }

  test('with unacknowledged messages only is not empty', async () => {
    const message = await held();
    await eventually(async () => {
      const { ready, unacknowledged } = await depth();
      assert.deepEqual({ ready, unacknowledged }, { ready: 0, unacknowledged: 1 });
    });
    let looks = 0;
    let empty = false;
    const seen: Array<number | undefined> = [];
    const waiting = waitUntilEmpty({
      queue: QUEUE,
      interval: 50,
      signal: never,
      log: silentLog(),
      depth,
      items: async () => NOTHING,
      sendAgain: async () => undefined,
      progress: (progress) => {
        looks += 1;
        seen.push(progress.depth.unacknowledged);
      },
    }).then(() => (empty = true));
    await eventually(() => assert.ok(looks >= 8));
    assert.equal(empty, false);
    assert.ok(seen.every((unacknowledged) => unacknowledged === 1));
    channel.ack(message);
    await waiting;
  });

  test('whose items are not finished is not empty, though the broker says so', async () => {
    let items: ItemCounts = { queued: 1, done: 0, dead: 0 };
    let looks = 0;
    let empty = false;
    const waiting = waitUntilEmpty({
      queue: QUEUE,
      interval: 10,
      signal: never,
      log: silentLog(),
      depth,
      items: async () => items,
      sendAgain: async () => undefined,
      progress: () => (looks += 1),
    }).then(() => (empty = true));
    await eventually(() => assert.ok(looks >= 5));
    assert.equal(empty, false);
    items = { queued: 0, done: 1, dead: 0 };
    await waiting;
  });

  test('that cannot be looked at is not empty, and one empty look is none', async () => {
    const answers: Array<'empty' | 'full' | 'error'> = [
      'error',
      'empty',
      'error',
      'empty',
      'full',
      'empty',
      'empty',
    ];
    let asked = 0;
    await waitUntilEmpty({
      queue: QUEUE,
      interval: 1,
      signal: never,
      log: silentLog(),
      items: async () => NOTHING,
      sendAgain: async () => undefined,
      progress: () => undefined,
      depth: async () => {
        const answer = answers[asked];
        asked += 1;
        if (answer === 'error') throw new Error('no broker');
        return { name: QUEUE, ready: answer === 'full' ? 1 : 0, unacknowledged: 0, consumers: 1 };
      },
    });
    assert.equal(asked, answers.length);
  });

  test('whose messages the broker has lost gets them again', async () => {
    let items: ItemCounts = { queued: 3, done: 2, dead: 0 };
    let sent = 0;
    await waitUntilEmpty({
      queue: QUEUE,
      interval: 10,
      lostAfterMs: 200,
      signal: never,
      log: silentLog(),
      depth,
      items: async () => items,
      sendAgain: async () => {
        sent += 1;
        items = { queued: 0, done: 5, dead: 0 };
      },
      progress: () => undefined,
    });
    assert.equal(sent, 1);
  });
});

describe('workers', () => {
  let project: Project;
  let broker: Broker;

  before(async () => {
    project = await Project.create({ size: { alliances: 40, corporations: 120 } });
    broker = await Broker.open(project.env['RABBITMQ_URL'] ?? '', 'test', silentLog());
  });

  after(async () => {
    await broker.close();
    await project.end();
  });

  test('serve a second system on queues of its own, at the same time, without a conflict', async () => {
    const own = 'enrichment_alliance_queue';
    await broker.withChannel((channel) => declareQueue(channel, own));
    project.startWorkers();
    const enrichment = project.start(['worker:info:alliances', '--queue', own]);
    const ids = project.esi.universe.allianceIds.map((id) => ({ id }));
    const running = project.runManually();
    // The same rows, all the time, in another order.
    for (let round = 0; round < 5; round++) await publish(broker, own, ids.toReversed(), never);
    await running;
    enrichment.assertRunning();
    await eventually(async () => {
      const { messageCount } = await broker.withChannel((channel) => channel.checkQueue(own));
      assert.equal(messageCount, 0);
    });
    assert.equal(await enrichment.stop(), 0);
    assert.equal(await project.number('SELECT count(*) FROM alliances WHERE checked_at IS NOT NULL'), 40);
    assert.doesNotMatch(enrichment.output, /deadlock|could not be stored/);
    assert.equal((await project.countedItems())['worker:info:alliances'], 40);
  });

  test('of a second system find corporations, and leave the queues of the workflow alone', async () => {
    const own = 'enrichment_alliance_corporations_queue';
    await broker.withChannel((channel) => declareQueue(channel, own));
    const found = project.esi.universe.allianceIds[0] ?? 0;
    await project.db.query('DELETE FROM corporations WHERE alliance_id = $1', [found]);
    const published = async (): Promise<number> =>
      sumOf(await project.metrics(), 'workflow_messages_published_total', {
        queue_name: QUEUES.corporationInfo,
      });
    const unmoved = await published();
    const enrichment = project.start(['worker:alliance-corporations', '--queue', own]);
    await publish(broker, own, [{ id: found }], never);
    const expected = project.esi.universe.corporationsOf(found)?.length ?? 0;
    assert.ok(expected > 0);
    await eventually(async () => {
      enrichment.assertRunning();
      const rows = await project.number('SELECT count(*) FROM corporations WHERE alliance_id = $1', [found]);
      assert.equal(rows, expected);
    });
    assert.equal(await enrichment.stop(), 0);
    assert.equal(await published(), unmoved);
    assert.match(project.log(`worker-alliance-corporations-${own}`), /"waiting for messages"/);
  });

  test('put what ESI does not know, and what is no message, into the dead-letter queue, and count it', async () => {
    await publish(broker, QUEUE, [{ id: 12_345 }], never);
    await broker.withChannel(async (channel) => {
      channel.sendToQueue(QUEUE, Buffer.from('hello'));
      channel.sendToQueue(QUEUE, Buffer.from('{"id":"1"}'));
      await channel.waitForConfirms();
    });
    await eventually(async () => {
      const { messageCount } = await broker.withChannel((channel) =>
        channel.checkQueue(deadLetterQueue(QUEUE)),
      );
      assert.equal(messageCount, 3);
    });
    await eventually(async () => {
      const samples = await project.metrics();
      const settled = (result: string): number[] =>
        [...samples].flatMap(([series, value]) =>
          series.startsWith('workflow_messages_received_total') &&
          series.includes(`queue_name="${QUEUE}"`) &&
          series.includes(`message_result="${result}"`)
            ? [value]
            : [],
        );
      assert.deepEqual([settled('dead'), settled('invalid')], [[1], [2]]);
    });
  });
});
