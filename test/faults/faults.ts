import { setTimeout as sleep } from 'node:timers/promises';

import type { SharedStore } from '../end-to-end/stores.js';
import type { Fate } from '../helpers/proxy.js';
import type { RedisGround, Stage } from './stage.js';
import type { Writer } from './writer.js';

/** One fault: begun, endured for a while, ended. */
export interface Fault {
  readonly stores: readonly SharedStore[];
  /** The store does not answer, or not every time. */
  readonly isAway: boolean;
  readonly begin: (stage: Stage) => unknown;
  readonly end: (stage: Stage) => unknown;
}

const fault = (
  stores: Fault['stores'],
  isAway: boolean,
  begin: Fault['begin'],
  end: Fault['end'] = () => undefined,
): Fault => ({ stores, isAway, begin, end });

const REDIS = ['redis'] as const;
const BOTH = ['redis', 'local'] as const;

/** What becomes of some of the commands that write. */
function fated(fate: Fate, share = 0.5): Fault {
  const decide = (command: string): Fate =>
    /^eval/i.test(command) && Math.random() < share ? fate : 'forward';
  return fault(
    REDIS,
    true,
    ({ redis }) => (redis.proxy.decide = decide),
    ({ redis }) => {
      redis.proxy.decide = () => 'forward';
    },
  );
}

function ofProxy(
  begin: (proxy: RedisGround['proxy']) => void,
  end: (proxy: RedisGround['proxy']) => void,
): Fault {
  return fault(
    REDIS,
    true,
    ({ redis }) => begin(redis.proxy),
    ({ redis }) => end(redis.proxy),
  );
}

function commands(
  begin: readonly [string, ...string[]],
  end: readonly [string, ...string[]] = ['PING'],
): Fault {
  const run =
    (command: readonly [string, ...string[]]) =>
    ({ redis }: Stage) =>
      redis.redis.client().call(...command);
  return fault(REDIS, true, run(begin), run(end));
}

/** By stage: the process that is stopped, whatever becomes of it meanwhile. */
const stopped = new WeakMap<Stage, Writer>();

async function stopFirst(stage: Stage): Promise<void> {
  const [first] = await stage.running();
  if (first === undefined) return;
  stopped.set(stage, first);
  first.stop();
}

/** Faults after which every total is right, by what happens. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'a request is lost': fated('dropRequest'),
  'a reply is lost': fated('dropReply'),
  'a reply comes twice': fated('doubleReply', 0.3),
  'garbage in place of a reply': fated('garbage', 0.3),
  'connections are reset': ofProxy(
    (proxy) => proxy.cut(),
    (proxy) => proxy.cut(),
  ),
  'connections are refused': ofProxy(
    (proxy) => {
      proxy.refuse = true;
      proxy.cut();
    },
    (proxy) => (proxy.refuse = false),
  ),
  'the network swallows everything': ofProxy(
    (proxy) => (proxy.blackhole = true),
    (proxy) => {
      proxy.blackhole = false;
      proxy.cut();
    },
  ),
  'replies are 2 s late': ofProxy(
    (proxy) => (proxy.latencyMs = 1000),
    (proxy) => (proxy.latencyMs = 0),
  ),
  'one byte at a time': ofProxy(
    (proxy) => (proxy.pieceBytes = 1),
    (proxy) => (proxy.pieceBytes = Infinity),
  ),
  'Redis hangs': fault(
    REDIS,
    true,
    ({ redis }) => redis.redis.pause(),
    ({ redis }) => redis.redis.resume(),
  ),
  'Redis is restarted with its data': fault(
    REDIS,
    true,
    ({ redis }) => redis.redis.stop('SIGKILL'),
    ({ redis }) => redis.redis.start('kept'),
  ),
  'Redis is out of memory (noeviction)': commands(
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['CONFIG', 'SET', 'maxmemory', '0'],
  ),
  'Redis is a replica for a while': commands(['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
  'the scripts are gone': commands(['SCRIPT', 'FLUSH'], ['SCRIPT', 'FLUSH']),
  'writes are paused': commands(['CLIENT', 'PAUSE', '500', 'WRITE']),
  'rights are taken and given back': commands(
    ['ACL', 'SETUSER', 'default', '-evalsha', '-eval'],
    ['ACL', 'SETUSER', 'default', '+evalsha', '+eval'],
  ),
  'a process is stopped': fault(BOTH, false, stopFirst, (stage) => stopped.get(stage)?.continue()),
  'an event loop is blocked': fault(BOTH, false, async (stage) => {
    const [first] = await stage.running();
    await first?.block(1500);
  }),
};

/** A key of the table. */
export type FaultName = string;

export function faultsOf(store: SharedStore): readonly FaultName[] {
  return Object.entries(FAULTS)
    .filter(([, { stores }]) => stores.includes(store))
    .map(([name]) => name);
}

/** The fault for `ms`, and `during` in it. */
export async function endure(
  stage: Stage,
  name: FaultName,
  ms: number,
  during: () => Promise<void>,
): Promise<void> {
  const known = FAULTS[name];
  if (known === undefined) throw new RangeError(`no fault is called ${name}`);
  const { isAway, begin, end } = known;
  const enduring = async (): Promise<void> => {
    await begin(stage);
    try {
      await during();
      await sleep(ms);
    } finally {
      await end(stage);
    }
  };
  await (isAway ? stage.whileAway(enduring) : enduring());
}
