import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { SHARED_STORES, type SharedStore } from '../end-to-end/stores.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { startRedisCluster, startRedisSentinel, type RedisServer } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import { type End, ENDS, lossOf } from './ends.js';
import { endure, faultsOf } from './faults.js';
import { type Ground, localGround, openGround, redisGround, type Stage } from './stage.js';

/** What a fault may do to totals. */
export type Promised = 'nothing is lost' | 'since the last flush' | 'begins from zero, then exact';

/** One row of the table in docs/operations.md: a fault under traffic. */
export interface Row {
  readonly fault: string;
  readonly store: SharedStore;
  readonly promise: Promised;
  readonly open: (owner: Owner) => Promise<Ground>;
  /** Begins the fault, holds it, ends it. */
  readonly happen: (stage: Stage, owner: Owner) => Promise<void>;
}

/** How long a fault lasts, in most rows. */
const FAULT_MS = 3000;

const usual = SHARED_STORES.flatMap((store): Row[] =>
  faultsOf(store).map((fault) => ({
    fault,
    store,
    promise: 'nothing is lost',
    open: (owner) => openGround(owner, store),
    happen: (stage) => endure(stage, fault, FAULT_MS, () => Promise.resolve()),
  })),
);

const ends = SHARED_STORES.flatMap((store): Row[] =>
  ENDS.map((end: End) => ({
    fault: `a process ends: ${end}`,
    store,
    promise: lossOf(end, store, false, false) === 'nothing' ? 'nothing is lost' : 'since the last flush',
    open: (owner) => openGround(owner, store),
    happen: (stage) => stage.end(0, end),
  })),
);

const long = SHARED_STORES.flatMap((store): Row[] => [
  {
    fault: 'a process is stopped for longer than its lease (12 s)',
    store,
    promise: 'nothing is lost',
    open: (owner) => openGround(owner, store),
    happen: (stage) => endure(stage, 'a process is stopped', 12_000, () => Promise.resolve()),
  },
  {
    fault: 'an event loop is blocked for 10 s',
    store,
    promise: 'nothing is lost',
    open: (owner) => openGround(owner, store),
    happen: async (stage) => (await stage.writer(0)).block(10_000),
  },
  {
    fault: 'the wall clock leaps an hour forward and back',
    store,
    promise: 'nothing is lost',
    open: (owner) => openGround(owner, store),
    happen: async (stage) => {
      const writer = await stage.writer(0);
      await writer.setClock(3_600_000);
      await sleep(FAULT_MS);
      await writer.setClock(-3_600_000);
      await sleep(FAULT_MS);
      await writer.setClock(0);
    },
  },
]);

const password: Row['happen'] = async ({ redis: { redis } }) => {
  const admin = redis.client();
  await admin.config('SET', 'requirepass', 'another');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await sleep(FAULT_MS);
  await admin.config('SET', 'requirepass', '');
};

const redis: Row[] = [
  {
    fault: 'the password is changed, and changed back',
    store: 'redis',
    promise: 'nothing is lost',
    open: (owner) => openGround(owner, 'redis'),
    happen: password,
  },
  {
    fault: 'Redis is restarted empty',
    store: 'redis',
    promise: 'begins from zero, then exact',
    open: (owner) => redisGround(owner),
    happen: async (stage) => {
      await stage.redis.redis.stop('SIGKILL');
      await sleep(1000);
      stage.watch.forget();
      await stage.redis.redis.start('empty');
    },
  },
  {
    fault: 'Redis evicts every key (allkeys-random)',
    store: 'redis',
    promise: 'begins from zero, then exact',
    open: (owner) => redisGround(owner, { config: ['maxmemory-policy allkeys-random'] }),
    happen: async (stage) => {
      const admin = stage.redis.redis.client();
      stage.watch.forget();
      await admin.config('SET', 'maxmemory', '1');
      await admin.ping();
      await admin.set('x', 'x').catch(() => undefined);
      await admin.config('SET', 'maxmemory', '0');
      stage.watch.forget();
    },
  },
  {
    fault: 'acknowledged writes are gone: Redis is restarted from an older copy',
    store: 'redis',
    promise: 'nothing is lost',
    open: (owner) => redisGround(owner, { config: ['dbfilename dump.rdb'] }),
    happen: async (stage) => {
      await stage.redis.redis.client().save();
      await sleep(FAULT_MS);
      // Until the replay is done the totals are those of the copy.
      stage.watch.forget();
      await stage.redis.redis.stop('SIGKILL');
      await stage.redis.redis.start('kept');
      await sleep(FAULT_MS);
      stage.watch.forget();
    },
  },
  {
    fault: 'Sentinel: the master is killed, a replica takes over',
    store: 'redis',
    promise: 'nothing is lost',
    open: async (owner) => {
      const { master, addresses, name } = await startRedisSentinel(owner);
      const env = {
        ORCHESTRATOR_REDIS_MODE: 'sentinel',
        ORCHESTRATOR_REDIS_NODES: addresses,
        ORCHESTRATOR_REDIS_SENTINEL_NAME: name,
      };
      return { store: 'redis', watcherEnv: env, writerEnv: env, master } as Ground;
    },
    happen: async (stage) => {
      await (stage.ground as Ground & { master: RedisServer }).master.stop('SIGKILL');
      await sleep(2 * FAULT_MS);
      stage.watch.forget();
    },
  },
  {
    fault: 'Cluster: the master of the project is killed',
    store: 'redis',
    promise: 'nothing is lost',
    open: async (owner) => {
      const cluster = await startRedisCluster(owner);
      const env = { ORCHESTRATOR_REDIS_MODE: 'cluster', ORCHESTRATOR_REDIS_NODES: cluster.addresses };
      return { store: 'redis', watcherEnv: env, writerEnv: env, cluster } as Ground;
    },
    happen: async (stage) => {
      const { cluster } = stage.ground as Ground & { cluster: Awaited<ReturnType<typeof startRedisCluster>> };
      await (await masterOf(cluster.nodes, stage.prefix)).stop('SIGKILL');
      await cluster.setNodeTimeout(2000);
      await sleep(3 * FAULT_MS);
      stage.watch.forget();
    },
  },
];

async function masterOf(nodes: readonly RedisServer[], prefix: string): Promise<RedisServer> {
  for (const node of nodes) {
    const [role] = await node.client().role();
    // The other masters answer MOVED.
    const owns = await node
      .client()
      .exists(`orchestrator:{${prefix}}:project`)
      .catch(() => 0);
    if (role === 'master' && owns === 1) return node;
  }
  throw new Error('no master has the project');
}

/** A disk of its own; only root can have one. */
function smallDisk(owner: Owner, megabytes: number): string {
  const folder = scratchDir(owner, 'disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  onEnd(owner, () => void execFileSync('umount', ['-l', folder]));
  return folder;
}

const folderOf = ({ ground }: Stage): string => ground.watcherEnv['ORCHESTRATOR_LOCAL_DIR'] ?? '';

const local: Row[] = [
  {
    fault: 'the disk is full',
    store: 'local',
    promise: 'nothing is lost',
    open: (owner) => Promise.resolve(localGround(smallDisk(owner, 4))),
    happen: async (stage) => {
      const ballast = join(folderOf(stage), 'ballast');
      try {
        writeFileSync(ballast, Buffer.alloc(8 * 1024 * 1024));
      } catch {
        // Full.
      }
      await sleep(FAULT_MS);
      rmSync(ballast);
    },
  },
  {
    fault: 'the disk is read-only',
    store: 'local',
    promise: 'nothing is lost',
    open: (owner) => Promise.resolve(localGround(smallDisk(owner, 4))),
    happen: async (stage) => {
      // A log that is open for writing keeps the whole disk from it; a mount of its own does not.
      const folder = folderOf(stage);
      execFileSync('mount', ['--bind', folder, folder]);
      execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
      await sleep(FAULT_MS);
      execFileSync('umount', ['-l', folder]);
    },
  },
  {
    fault: 'the folder is removed',
    store: 'local',
    promise: 'begins from zero, then exact',
    open: (owner) => openGround(owner, 'local'),
    happen: async (stage) => {
      stage.watch.forget();
      await eventually(() => rmSync(join(folderOf(stage), stage.prefix), { recursive: true }));
      stage.watch.forget();
    },
  },
];

export const ROWS: readonly Row[] = [...usual, ...long, ...redis, ...local, ...ends];
