import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../helpers/eventually.js';
import { PATIENT_NODE_TIMEOUT_MS, startRedisCluster } from '../../helpers/redis.js';
import {
  add,
  added,
  assertValues,
  counter,
  now,
  reported,
  series,
  upDownCounter,
} from '../../contract/bed.js';
import { RedisLoad } from './load.js';
import { RedisProject } from './project.js';

const requests = counter('requests');
const one = {
  deltas: [added(requests, add(series(), 1))],
  current: [reported(upDownCounter('active'), now(series(), 1))],
};

test('a cluster: found from any node, by many callers at once, and through the loss of a node', async (t) => {
  const { nodes, setNodeTimeout } = await startRedisCluster(t);
  const addresses = nodes.map(({ port }) => ({ host: '127.0.0.1', port }));

  // One project begins at each node, so that nearly all are redirected.
  for (const [index, node] of addresses.entries()) {
    const prefix = `p${index}`;
    const project = new RedisProject(t, { mode: 'cluster', nodes: [node] });
    const [a, b] = [1, 2].map(() => project.instance({ prefix, project: prefix }));
    assert.ok(a !== undefined && b !== undefined);
    await Promise.all([a.send(one), b.send(one)]);
    const { store } = project.instance({ prefix, project: prefix });
    const snapshots = [1, 2, 3].map(() => store.snapshot());
    for (const snapshot of await Promise.all([...snapshots, store.sweep().then(() => store.snapshot())]))
      assert.equal(snapshot.instances, 2);
    await assertValues(a, { requests: { '': [2] }, active: { '': [2] } });
  }

  const project = new RedisProject(t, { mode: 'cluster', nodes: addresses });
  const writers = [1, 2].map(() => project.instance({ timeoutMs: 3000 }));
  const load = new RedisLoad(writers, one);
  await load.enough(50);
  const owners = await Promise.all(
    nodes.map((node) =>
      node
        .client()
        .exists('orchestrator:{shop}:project')
        .catch(() => 0),
    ),
  );
  const owner = nodes[owners.indexOf(1)];
  assert.ok(owner);
  // A replica that has no copy at all, because it has just lost its master for a moment, is not what is tested here.
  assert.equal(await owner.client().wait(1, 30_000), 1);
  await owner.stop('SIGKILL');
  // Only now: before, a node that is merely slow is not to be taken for dead.
  await setNodeTimeout(1000);
  await load.enough(50);
  await load.stop();
  await setNodeTimeout(PATIENT_NODE_TIMEOUT_MS);
  const reader = project.instance();
  await eventually(() => assertValues(reader, { requests: { '': [load.rounds] }, active: { '': [2] } }));
});
