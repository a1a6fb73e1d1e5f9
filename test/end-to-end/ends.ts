import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  NO_PROCESS_NO_THREAD,
  PRELOAD,
  startApp,
  type AppProcess,
  type Environment,
} from '../helpers/app-process.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scratchDir } from '../helpers/scratch.js';
import { newStore, type SharedStore } from './stores.js';

/** So long that nothing but the end of the process can have flushed it. */
const NEVER = '600000';

export interface End {
  readonly name: string;
  readonly fixture?: string;
  readonly env: Environment;
  /** Before those of the preload. */
  readonly nodeArgs?: readonly string[];
  readonly signals?: readonly NodeJS.Signals[];
  /** How it ends without us. */
  readonly ends: number | NodeJS.Signals;
  /** How it may end as well: it was too busy to see which came first, or the second one came in the moment of its death. */
  readonly orEnds?: NodeJS.Signals;
  readonly prints: RegExp;
  readonly complains?: RegExp;
  /** What one run counts. Default 3. */
  readonly counts?: number;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGALRM', 'SIGXCPU'] as const;
const BROKEN = /TypeError: the application is broken/;

export const ENDS: readonly End[] = [
  { name: 'process.exit() at once', env: { END: 'exit' }, ends: 7, prints: /^exit event 7\n$/ },
  { name: 'process.exit()', env: { END: 'exit', AFTER: '1300' }, ends: 7, prints: /^exit event 7\n$/ },
  {
    name: 'process.exit() while a collection waits for a callback of the application',
    env: { END: 'exit', AFTER: '2500', SLOW: '900', OTEL_METRIC_EXPORT_INTERVAL: '1000' },
    ends: 7,
    prints: /^exit event 7\n$/,
  },
  {
    name: 'an uncaught exception',
    env: { END: 'throw', AFTER: '1300' },
    ends: 1,
    prints: /^exit event 1\n$/,
    complains: BROKEN,
  },
  {
    name: 'an unhandled rejection',
    env: { END: 'reject', AFTER: '1300' },
    ends: 1,
    prints: /^ending\nexit event 1\n$/,
    complains: BROKEN,
  },
  {
    name: 'nothing left to do',
    env: { END: 'empty', AFTER: '1300' },
    ends: 0,
    prints: /^ending\nexit event 0\n$/,
  },
  ...SIGNALS.flatMap((signal): End[] => [
    { name: signal, env: { END: 'wait' }, signals: [signal], ends: signal, prints: /^ending\n$/ },
    {
      name: `${signal} to an application that drains and exits`,
      env: { END: 'drain', SIGNAL: signal },
      signals: [signal],
      ends: 7,
      prints: /^ending\nexit event 7\n$/,
    },
  ]),
  {
    name: 'SIGTERM followed by a first SIGINT',
    env: { END: 'wait' },
    signals: ['SIGTERM', 'SIGINT'],
    ends: 'SIGTERM',
    orEnds: 'SIGINT',
    prints: /^ending\n$/,
  },
  {
    name: 'SIGHUP followed by a first SIGINT',
    env: { END: 'wait' },
    signals: ['SIGHUP', 'SIGINT'],
    ends: 'SIGHUP',
    orEnds: 'SIGINT',
    prints: /^ending\n$/,
  },
  {
    name: 'SIGINT twice in a row',
    env: { END: 'wait' },
    signals: ['SIGINT', 'SIGINT'],
    ends: 'SIGINT',
    prints: /^ending\n$/,
  },
  {
    name: 'SIGTERM to a process with worker threads that take part',
    fixture: 'ends-threads.cjs',
    env: { THREADS: '2', ORCHESTRATOR_WORKER_THREADS: 'true' },
    signals: ['SIGTERM'],
    ends: 'SIGTERM',
    prints: /^ending\n$/,
    counts: 6,
  },
  {
    name: 'process.exit() of a process with worker threads that take part',
    fixture: 'ends-threads.cjs',
    env: { END: 'exit', THREADS: '2', ORCHESTRATOR_WORKER_THREADS: 'true' },
    ends: 7,
    prints: /^$/,
    counts: 6,
  },
  {
    name: 'process.exit() of a process that may start no thread',
    env: { END: 'exit', AFTER: '1300' },
    nodeArgs: NO_PROCESS_NO_THREAD,
    ends: 7,
    prints: /^exit event 7\n$/,
  },
  {
    name: 'process.exit() of each worker thread',
    fixture: 'ends-threads.cjs',
    env: { END: 'threads exit', THREADS: '2', ORCHESTRATOR_WORKER_THREADS: 'true' },
    ends: 0,
    prints: /^ending\nthreads ended\n$/,
    counts: 8,
  },
];

/** How the ends of one suite are set up. */
export interface Stage {
  readonly env: Environment;
  /** Of a process of the project that is scraped. */
  readonly port: number;
  /** Where the project's processes leave what they cannot send. */
  readonly spool: string;
}

/** A new, empty store, and a process that shows what is in it. */
export async function setStage(owner: Owner, store: SharedStore): Promise<Stage> {
  const port = await freePort();
  const folder = scratchDir(owner, 'ends');
  const env = {
    ORCHESTRATOR_LOCAL_DIR: folder,
    ...(await newStore(owner, store)),
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_GAUGE_AGGREGATION: 'job.*=keep',
    // A machine that is busy with other tests is no reason to fall back on the spool.
    ORCHESTRATOR_EXIT_TIMEOUT: '10000',
    OTEL_METRIC_EXPORT_INTERVAL: NEVER,
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
  };
  const watcher = { ...env, OTEL_METRIC_EXPORT_INTERVAL: '1000' };
  await startApp(owner, 'server.cjs', { env: watcher }).number('listening');
  return { env, port, spool: join(folder, 'shop.spool') };
}

/**
 * One process that ends so. Its code, its signal and all that it prints must be what they are without us.
 *
 * @param preload whether it runs under the preload. Default true
 * @returns milliseconds from what ended it until it was gone
 */
export async function play(owner: Owner, end: End, env: Environment, preload = true): Promise<number> {
  const stamp = join(scratchDir(owner, 'stamp'), 'ends-at');
  const app = startApp(owner, end.fixture ?? 'ends.cjs', {
    env: { ...env, ...end.env, NAME: end.name, STAMP: stamp },
    nodeArgs: [...(end.nodeArgs ?? []), ...(preload ? ['--require', PRELOAD] : [])],
  });
  const signalled = await sendSignals(app, end);
  const { code, signal: by, stdout, stderr } = await app.ending;
  const gone = now();
  if (by === null || by !== end.orEnds) assert.equal(code ?? by, end.ends, stderr);
  assert.match(stdout, end.prints);
  if (end.complains !== undefined) assert.match(stderr, end.complains);
  assert.doesNotMatch(stderr, /ORCHESTRATOR_\w+ warn/);
  return gone - (signalled ?? Number(readFileSync(stamp, 'utf8')));
}

/** Resolves with when the last signal was sent; undefined for an end without one. */
async function sendSignals(app: AppProcess, { signals = [] }: End): Promise<number | undefined> {
  if (signals.length === 0) return undefined;
  await app.waitFor(/^ending$/m);
  let sent = 0;
  for (const one of signals) {
    app.send(one);
    sent = now();
    // The second one has to find the flush under way, and a signal that is pending is sent once.
    await sleep(1);
  }
  return sent;
}

/** Milliseconds, as the fixtures measure them. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
