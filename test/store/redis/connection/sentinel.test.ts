import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RedisTarget } from '../../../../src/store/redis/connection/client.js';
import { hangingServer } from '../../../helpers/hanging-server.js';
import { freePort } from '../../../helpers/ports.js';
import { startRedisSentinel } from '../../../helpers/redis.js';
import { add, added, assertValues, counter, histogram, series } from '../../../contract/bed.js';
import { RedisLoad } from '../load.js';
import { RedisProject } from '../project.js';

const requests = counter('requests');
const duration = histogram('duration', [1]);
const one = {
  deltas: [added(requests, add(series(), 1)), added(duration, add(series(), 0.5, 1, 0))],
};

function targetOf(addresses: string, name: string): RedisTarget {
  const nodes = addresses.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  return { mode: 'sentinel', nodes, name };
}

test('a failover under load, by a crash of the master, is exact', async (t) => {
  const { master, name, addresses } = await startRedisSentinel(t);
  const target = targetOf(addresses, name);
  const project = new RedisProject(t, target);
  const writers = [1, 2, 3].map(() => project.instance({ timeoutMs: 3000 }));
  const load = new RedisLoad(writers, one);
  await load.enough(100);
  await master.stop('SIGKILL');
  await load.enough(100);
  await load.stop();
  const { rounds } = load;
  await assertValues(project.instance(), {
    requests: { '': [rounds] },
    duration: { '': [rounds / 2, rounds, 0] },
  });
});

test('sentinels that are dead or hang do not hide one that answers', async (t) => {
  const { master, name, addresses } = await startRedisSentinel(t);
  const target = targetOf(addresses, name);
  const hung = await hangingServer(t);
  const nodes = [
    { host: '127.0.0.1', port: hung },
    { host: '127.0.0.1', port: await freePort() },
    ...target.nodes.slice(0, 1),
  ];
  const project = new RedisProject(t, { ...target, nodes });
  for (let instance = 0; instance < 3; instance += 1) await project.instance({ timeoutMs: 2000 }).send(one);
  assert.equal(await master.client().zcard('orchestrator:{shop}:instances'), 3);

  const { store } = new RedisProject(t, { ...target, nodes: nodes.slice(0, 2) }).instance({ timeoutMs: 500 });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await assert.rejects(store.snapshot(), {
      code: 'ORCHESTRATOR_STORE_UNAVAILABLE',
      message: /^redis sentinel mymaster 127\.0\.0\.1:\d+,127\.0\.0\.1:\d+: .*(?:sentinel|ECONNREFUSED)/,
    });
  }
});

test('a master that the sentinels do not know is named with its setting', async (t) => {
  const { addresses } = await startRedisSentinel(t);
  const { store } = new RedisProject(t, targetOf(addresses, 'nobody')).instance();
  await assert.rejects(store.snapshot(), {
    code: 'ORCHESTRATOR_STORE_UNAVAILABLE',
    message: /know no master "nobody"\. Check ORCHESTRATOR_REDIS_SENTINEL_NAME\.$/,
  });
});
