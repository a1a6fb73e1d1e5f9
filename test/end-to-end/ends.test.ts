import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  NO_PROCESS_NO_THREAD,
  PRELOAD,
  startApp,
  type AppProcess,
  type Ending,
  type Environment,
} from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { suiteOwner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scratchDir } from '../helpers/scratch.js';
import { scrape } from '../helpers/scrape.js';
import { newStore, SHARED_STORES } from './stores.js';

/** How often each end is tried: `ENDS_RUNS=20 npm test -- end-to-end/ends`. */
const RUNS = Number(process.env['ENDS_RUNS'] ?? 1);

/** So long that nothing but the end of the process can have flushed it. */
const NEVER = '600000';

interface End {
  readonly name: string;
  readonly fixture?: string;
  readonly env: Environment;
  /** Before those of the preload. */
  readonly nodeArgs?: readonly string[];
  readonly signals?: readonly NodeJS.Signals[];
  /** How it ends without us. */
  readonly ends: number | NodeJS.Signals;
  /** How it may end as well, if it was too busy to see which came first. */
  readonly orEnds?: NodeJS.Signals;
  readonly prints: RegExp;
  readonly complains?: RegExp;
  /** What one run counts. Default 3. */
  readonly counts?: number;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGALRM', 'SIGXCPU'] as const;
const BROKEN = /TypeError: the application is broken/;

const ENDS: readonly End[] = [
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
    // Of two signals that wait for a busy process, the kernel brings that with the lower number first.
    name: 'SIGHUP followed by a first SIGINT',
    env: { END: 'wait' },
    signals: ['SIGHUP', 'SIGINT'],
    ends: 'SIGHUP',
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

for (const store of SHARED_STORES) {
  describe(`nothing is lost, nothing doubled, and all else is as without us, on the ${store} store`, () => {
    const owner = suiteOwner();
    let env: Environment;
    let port = 0;
    let folder = '';

    before(async () => {
      port = await freePort();
      folder = scratchDir(owner, 'ends');
      env = {
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
    });

    for (const end of ENDS) {
      test(end.name, async (t) => {
        const counts = end.counts ?? 3;
        const nodeArgs = [...(end.nodeArgs ?? []), '--require', PRELOAD];
        for (let run = 1; run <= RUNS; run += 1) {
          const mine = { ...env, ...end.env, NAME: end.name };
          const app = startApp(t, end.fixture ?? 'ends.cjs', { env: mine, nodeArgs });
          const { code, signal, stdout, stderr } = await endOf(app, end);
          if (signal === null || signal !== end.orEnds) assert.equal(code ?? signal, end.ends, stderr);
          assert.match(stdout, end.prints);
          if (end.complains !== undefined) assert.match(stderr, end.complains);
          assert.doesNotMatch(stderr, /ORCHESTRATOR_\w+ warn/);
          await eventually(async () =>
            assert.equal((await scrape(port)).sum('app_jobs_total', { end: end.name }), counts * run),
          );
        }
        const exposition = await scrape(port);
        if (end.fixture !== undefined) return;
        assert.equal(exposition.sum('app_seconds_count', { end: end.name }), counts * RUNS);
        assert.equal(exposition.sum('job_last', { end: end.name }), counts);
      });
    }

    test('and nothing comes twice afterwards', async () => {
      await sleep(2500);
      const exposition = await scrape(port);
      for (const { name, counts = 3 } of ENDS)
        assert.equal(exposition.sum('app_jobs_total', { end: name }), counts * RUNS, name);
      const spool = join(folder, 'shop.spool');
      if (store === 'redis') assert.deepEqual(existsSync(spool) ? readdirSync(spool) : [], []);
    });
  });
}

async function endOf(app: AppProcess, { signals = [] }: End): Promise<Ending> {
  if (signals.length > 0) await app.waitFor(/^ending$/m);
  for (const signal of signals) {
    app.send(signal);
    // The second one has to find the flush under way, and a signal that is pending is sent once.
    await sleep(1);
  }
  return app.ending;
}
