import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { redisKeys } from '../../../src/store/redis/scripts/keys.js';
import { eventually } from '../../helpers/eventually.js';
import { startRedisCluster, type RedisServer } from '../../helpers/redis.js';
import {
  add,
  added,
  assertValues,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  upDownCounter,
} from '../../contract/bed.js';
import { RedisProject } from './project.js';

const orders = counter('orders');
const duration = histogram('duration', [1]);
const sent = (count: number) => ({
  deltas: [added(orders, add(series(), count)), added(duration, add(series(), count / 2, count, 0))],
  current: [
    reported(upDownCounter('active'), now(series(), 2)),
    reported(gauge('job', 'keep'), now(series(), count)),
  ],
});
const shown = (count: number, instances: number, job: number) => ({
  orders: { '': [count] },
  duration: { '': [count / 2, count, 0] },
  ...(instances > 0 && { active: { '': [2 * instances] } }),
  job: { '': [job] },
});

/** The slot of a project, on its way from one master to another. */
class Move {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly #masters: readonly RedisServer[];
  readonly #ids: ReadonlyMap<RedisServer, string>;

  constructor(slot: number, from: RedisServer, to: RedisServer, ids: ReadonlyMap<RedisServer, string>) {
    this.slot = slot;
    this.from = from;
    this.to = to;
    this.#ids = ids;
    this.#masters = [...ids.keys()];
  }

  static async of(nodes: readonly RedisServer[], prefix: string): Promise<Move> {
    const ids = new Map<RedisServer, string>();
    let from: RedisServer | undefined;
    const key = redisKeys(prefix).project;
    for (const node of nodes) {
      const [role] = await node.client().role();
      if (role !== 'master') continue;
      ids.set(node, await node.client().cluster('MYID'));
      if (
        (await node
          .client()
          .exists(key)
          .catch(() => 0)) === 1
      )
        from = node;
    }
    const to = [...ids.keys()].find((node) => node !== from);
    assert.ok(from !== undefined && to !== undefined);
    return new Move(await from.client().cluster('KEYSLOT', key), from, to, ids);
  }

  async begin(): Promise<void> {
    const { slot, from, to } = this;
    await to.client().call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', this.#id(from));
    await from.client().call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', this.#id(to));
  }

  /** The keys that are still at the beginning of their way. */
  async keys(): Promise<string[]> {
    const keys = await this.from.client().call('CLUSTER', 'GETKEYSINSLOT', this.slot, 1000);
    return Array.isArray(keys) ? keys.map(String) : [];
  }

  async move(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const where = ['127.0.0.1', this.to.port, '', 0, 5000] as const;
    await this.from.client().call('MIGRATE', ...where, 'KEYS', ...keys);
  }

  async end(): Promise<void> {
    for (const node of this.#masters)
      await node.client().call('CLUSTER', 'SETSLOT', this.slot, 'NODE', this.#id(this.to));
  }

  #id(node: RedisServer): string {
    return this.#ids.get(node) ?? '';
  }
}

describe('while the slot of a project is moved', () => {
  const cluster = startRedisCluster({ after });
  const projectOf = async () => {
    const { nodes } = await cluster;
    return new RedisProject(
      { after },
      { mode: 'cluster', nodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })) },
    );
  };

  test('scrapes go on, and nothing is lost, neither of an instance that stays nor of one that ends', async () => {
    const { nodes } = await cluster;
    const project = await projectOf();
    const a = project.instance();
    await a.send(sent(10));
    const move = await Move.of(nodes, 'shop');
    await move.begin();

    // All keys are where they were. A new instance needs a new key, which may not be made there any more.
    await a.send(sent(1));
    await assertValues(a, shown(11, 1, 1));
    const b = project.instance();
    await b.send(sent(100));
    await b.send(sent(200));
    await b.store.endLease();
    await b.store.close();
    await assertValues(a, shown(11, 1, 1));

    // Each half of the keys lies on another node.
    const keys = await move.keys();
    await move.move(keys.filter((_key, index) => index % 2 === 0));
    await a.send(sent(2));
    await a.send(sent(3));
    await assertValues(a, shown(11, 1, 1));
    const late = counter('late');
    await a.send({ ...sent(4), deltas: [...sent(4).deltas, added(late, add(series(), 7))] });
    const c = project.instance();
    await c.send(sent(1000));
    await c.store.close();

    // All of them are on the other node, which is asked for each.
    await move.move(await move.keys());
    await assertValues(a, shown(11, 1, 1));
    await a.send(sent(5));
    await move.end();

    await eventually(async () => {
      await a.send({ current: sent(6).current });
      await assertValues(a, { ...shown(11 + 300 + 9 + 1000 + 5, 1, 6), late: { '': [7] } });
    });
    assert.deepEqual(project.warnings, []);
    assert.equal(await move.to.client().exists(redisKeys('shop').late), 0);
  });

  test('what an instance left is added once, by whichever sends it first', async () => {
    const { nodes } = await cluster;
    const project = await projectOf();
    const names = { prefix: 'twice', project: 'twice' };
    const a = project.instance(names);
    const b = project.instance(names);
    await a.send(sent(10));
    await b.send(sent(10));
    const move = await Move.of(nodes, 'twice');
    await move.begin();
    const keys = await move.keys();
    await move.move(keys.slice(0, keys.length / 2));
    await a.send(sent(1));
    await b.send(sent(1));
    await move.move(await move.keys());
    await move.end();
    // The other one applies the first one's, which then sends it too; and again, as if the first deletion were lost.
    await b.send(sent(1));
    await assertValues(b, shown(10 + 10 + 1 + 1 + 1, 2, 1));
    await a.send(sent(1));
    await assertValues(b, shown(24, 2, 1));
    await a.store.sweep();
    await assertValues(b, shown(24, 2, 1));
  });

  test('a wipe deletes what was left', async () => {
    const { nodes } = await cluster;
    const project = await projectOf();
    const names = { prefix: 'wiped', project: 'wiped' };
    const a = project.instance(names);
    await a.send(sent(10));
    const move = await Move.of(nodes, 'wiped');
    await move.begin();
    const b = project.instance(names);
    await b.send(sent(1));
    await a.store.wipe();
    for (const node of [move.from, move.to])
      assert.deepEqual(
        (await node.keys()).filter((key) => key.includes('{wiped}') && key !== 'orchestrator:{wiped}:wiped'),
        [],
      );
    await move.end();
  });
});
