import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { Queue, Worker } from 'bullmq';

import { gaugeAggregation } from '../../src/reader/gauge-aggregation.js';
import { observeQueue, type ObservableQueue } from '../../src/application/observe-queue.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, suiteOwner, type Owner } from '../helpers/owner.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { diagnostics } from '../helpers/warnings.js';
import { Application } from '../reader/application.js';

/** An application whose observed queues show what a scrape would. */
class Observer {
  readonly #app = new Application({ reader: { gaugeAggregation: gaugeAggregation([]) } });
  readonly meter = this.#app.provider.getMeter('test');

  constructor(owner: Owner) {
    onEnd(owner, () => this.#app.provider.shutdown());
  }

  /** The jobs of each queue and state that has any. */
  async jobs(): Promise<Record<string, number>> {
    const { families } = await this.#app.reader.snapshot();
    const jobs: Record<string, number> = {};
    for (const { series, values } of families.find(({ family }) => family.name === 'queue.jobs')?.series ??
      []) {
      const labels = Object.fromEntries(series.attributes);
      const count = values[0] ?? Number.NaN;
      if (count !== 0) jobs[`${labels['queue.name']} ${labels['job.state']}`] = count;
    }
    return jobs;
  }

  async series(): Promise<number> {
    const { families } = await this.#app.reader.snapshot();
    return families.find(({ family }) => family.name === 'queue.jobs')?.series.length ?? 0;
  }
}

describe('the jobs of a queue of BullMQ', () => {
  const owner = suiteOwner();
  let redis: RedisServer;

  before(async () => {
    redis = await startRedis(owner);
  });

  function open(owned: Owner, name: string, { port } = redis): Queue {
    const queue = new Queue(name, { connection: { host: '127.0.0.1', port } });
    queue.on('error', () => undefined);
    onEnd(owned, () => queue.disconnect());
    return queue;
  }

  test('by state, as they change; two queues side by side', async (t) => {
    const observer = new Observer(t);
    const [mail, reports] = [open(t, 'mail'), open(t, 'reports')];
    await mail.addBulk([
      { name: 'welcome', data: {} },
      { name: 'broken', data: {} },
    ]);
    await mail.add('later', {}, { delay: 3_600_000 });
    await mail.add('first', {}, { priority: 1 });
    await reports.add('monthly', {});
    observeQueue(mail, { meter: observer.meter });
    const stopReports = observeQueue(reports, { meter: observer.meter });
    const waiting = { 'mail waiting': 2, 'mail delayed': 1, 'mail prioritized': 1 };
    await eventually(async () =>
      assert.deepEqual(await observer.jobs(), { ...waiting, 'reports waiting': 1 }),
    );

    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const worker = new Worker(
      'mail',
      async ({ name }) => {
        if (name === 'broken') throw new Error('no address');
        if (name === 'first') await held;
      },
      { connection: { host: '127.0.0.1', port: redis.port } },
    );
    onEnd(t, () => worker.close());
    const done = { 'mail delayed': 1, 'mail failed': 1, 'mail completed': 1 };
    await eventually(async () =>
      assert.deepEqual(await observer.jobs(), { ...done, 'mail active': 1, 'reports waiting': 1 }),
    );
    finish();
    stopReports();
    await eventually(async () => assert.deepEqual(await observer.jobs(), { ...done, 'mail completed': 2 }));
  });

  test('a Redis that hangs takes the numbers with it until it answers', async (t) => {
    const own = await startRedis(t);
    const observer = new Observer(t);
    const queue = open(t, 'mail', own);
    await queue.add('welcome', {});
    observeQueue(queue, { meter: observer.meter, timeout: 100 });
    await eventually(async () => assert.deepEqual(await observer.jobs(), { 'mail waiting': 1 }));
    own.pause();
    await eventually(async () => assert.equal(await observer.series(), 0));
    own.resume();
    await eventually(async () => assert.deepEqual(await observer.jobs(), { 'mail waiting': 1 }));
  });
});

test('no collection waits for the queue, and none asks before the last question is answered', async (t) => {
  const observer = new Observer(t);
  const answers: Array<(counts: Record<string, number>) => void> = [];
  const queue: ObservableQueue = {
    name: 'mail',
    getJobCounts: () => new Promise((resolve) => answers.push(resolve)),
  };
  observeQueue(queue, { meter: observer.meter, timeout: 3_600_000 });
  for (let look = 0; look < 3; look++) assert.deepEqual(await observer.jobs(), {});
  assert.equal(answers.length, 1);
  answers[0]?.({ waiting: 3 });
  await eventually(async () => assert.deepEqual(await observer.jobs(), { 'mail waiting': 3 }));
  for (let look = 0; look < 3; look++) assert.deepEqual(await observer.jobs(), { 'mail waiting': 3 });
  assert.equal(answers.length, 2);
});

test('each collection asks once', async (t) => {
  const observer = new Observer(t);
  let asked = 0;
  const queue: ObservableQueue = { name: 'mail', getJobCounts: async () => ({ waiting: ++asked }) };
  observeQueue(queue, { meter: observer.meter });
  for (let look = 1; look <= 5; look++) {
    await setImmediate();
    assert.equal(asked, look);
    assert.deepEqual(await observer.jobs(), { 'mail waiting': look });
  }
});

test('what a queue throws stays here, and its last numbers leave', async (t) => {
  const told = diagnostics(t);
  const observer = new Observer(t);
  const failures: ReadonlyArray<() => Promise<never>> = [
    () => Promise.reject(new Error('Connection is closed.')),
    () => {
      throw new TypeError('not a queue');
    },
  ];
  for (const fail of failures) {
    let answer = (): Promise<Record<string, number>> => Promise.resolve({ waiting: 3 });
    const queue: ObservableQueue = { name: 'mail', getJobCounts: () => answer() };
    const stop = observeQueue(queue, { meter: observer.meter });
    await eventually(async () => assert.deepEqual(await observer.jobs(), { 'mail waiting': 3 }));
    answer = fail;
    await eventually(async () => assert.equal(await observer.series(), 0));
    answer = () => Promise.resolve({ waiting: 4 });
    await eventually(async () => assert.deepEqual(await observer.jobs(), { 'mail waiting': 4 }));
    stop();
    assert.equal(await observer.series(), 0);
  }
  assert.deepEqual(new Set(told.map(([, code]) => code)), new Set(['ORCHESTRATOR_QUEUE_NOT_COUNTED']));
});
