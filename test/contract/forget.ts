import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  add,
  added,
  assertValues,
  type Bed,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  upDownCounter,
} from './bed.js';

const requests = counter('requests');
const jobs = counter('jobs');
const durations = histogram('durations', [1, 2]);
const kept = gauge('kept', 'keep');
const pool = upDownCounter('pool');

const sent = {
  deltas: [
    added(requests, add(series({ code: '200' }), 2)),
    added(jobs, add(series(), 5)),
    added(durations, add(series(), 3, 1, 1, 0)),
  ],
  current: [reported(kept, now(series(), 7)), reported(pool, now(series(), 4))],
};

/** `forget`: some metrics begin again, and nothing else notices. */
export function forgetContract(bed: () => Bed): void {
  test('what is stored of a family goes, for all instances, and begins again from zero', async () => {
    const [a, b] = [await bed().instance(), await bed().instance()];
    await a.send(sent);
    await b.send(sent);
    const others = { jobs: { '': [10] }, kept: { '': [7] }, pool: { '': [8] } };
    await b.store.forget?.([requests.key, durations.key]);
    for (const one of [a, b]) await assertValues(one, others);
    await a.send({ ...sent, deltas: sent.deltas.slice(0, 1) });
    await assertValues(b, { ...others, requests: { 'code=200': [2] } });
    await b.send(sent);
    await assertValues(a, {
      requests: { 'code=200': [4] },
      jobs: { '': [15] },
      durations: { '': [3, 1, 1, 0] },
      kept: { '': [7] },
      pool: { '': [8] },
    });
  });

  test('a batch that is sent again after it counts once', async () => {
    const a = await bed().instance();
    await a.send(sent);
    await a.store.forget?.([requests.key]);
    await a.sendAgain();
    await a.send({ deltas: [added(requests, add(series({ code: '200' }), 1))], current: sent.current });
    await a.sendAgain();
    await assertValues(a, {
      requests: { 'code=200': [1] },
      jobs: { '': [5] },
      durations: { '': [3, 1, 1, 0] },
      kept: { '': [7] },
      pool: { '': [4] },
    });
  });

  test('what live instances say stays, kept values go, and unknown keys change nothing', async () => {
    const a = await bed().instance();
    await a.send(sent);
    await a.store.forget?.([pool.key, kept.key, 'nobody~knows']);
    const rest = {
      requests: { 'code=200': [2] },
      jobs: { '': [5] },
      durations: { '': [3, 1, 1, 0] },
      pool: { '': [4] },
    };
    await assertValues(a, rest);
    await a.send({ current: [reported(pool, now(series(), 4)), reported(kept, now(series(), 8))] });
    await assertValues(a, { ...rest, kept: { '': [8] } });
  });

  test('it begins with a new start time', async () => {
    const a = await bed().instance();
    await a.send(sent);
    const start = async (): Promise<number> =>
      (await a.store.snapshot()).families.find(({ family }) => family.name === 'jobs')?.series[0]?.startMs ??
      0;
    const before = await start();
    await bed().moment();
    await a.store.forget?.([jobs.key]);
    await a.send(sent);
    assert.ok((await start()) > before);
  });
}
