/**
 * One scrape of a `node:cluster` application, from the request to the last byte: prom-client's cluster registry, which asks
 * every worker, against this package with each of its shared stores. All of them run at once and take turns. Needs
 * `redis-server`.
 *
 *     npm run build && node dist/benchmarks/cluster.js [rounds]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from './application-client.js';
import { startRedis } from './redis-process.js';
import { median, shuffled } from './rounds.js';

const WORKERS = [2, 4, 8];
const ROUNDS = Number(process.argv[2] ?? 40);
const VARIANTS = ['prom-client', 'local store', 'Redis'] as const;
/** Between two scrapes, so that none follows on another and flushes happen as they do. */
const PAUSE_MS = 60;

interface Subject {
  readonly variant: (typeof VARIANTS)[number];
  readonly child: ChildProcess;
  readonly url: string;
  readonly ms: number[];
}

async function main(): Promise<void> {
  const redis = await startRedis();
  const localDir = await mkdtemp(join(tmpdir(), 'bench-'));
  const environments: Record<Subject['variant'], NodeJS.ProcessEnv> = {
    'prom-client': {},
    'local store': { ORCHESTRATOR_STORE: 'local', ORCHESTRATOR_LOCAL_DIR: localDir },
    Redis: { ORCHESTRATOR_REDIS_URL: redis.url },
  };
  print(
    `Node ${process.version}, 300 histograms of 16 buckets in each worker, ${ROUNDS} scrapes each, medians\n\n`,
  );
  print(
    '| workers | prom-client, ms | orchestrator, local store, ms | orchestrator, Redis, ms |\n|---|---|---|---|\n',
  );
  for (const workers of WORKERS) {
    const subjects: Subject[] = [];
    for (const variant of VARIANTS) subjects.push(await start(variant, workers, environments[variant]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const subject of shuffled(subjects)) {
        subject.ms.push(await scrape(subject.url));
        await sleep(PAUSE_MS);
      }
    }
    print(`| ${workers} | ${subjects.map(({ ms }) => median(ms).toFixed(1)).join(' | ')} |\n`);
    for (const { child } of subjects) {
      child.disconnect();
      await once(child, 'exit');
    }
  }
  await redis.end();
  await rm(localDir, { recursive: true });
}

async function start(
  variant: Subject['variant'],
  workers: number,
  environment: NodeJS.ProcessEnv,
): Promise<Subject> {
  const port = await freePort();
  const what = variant === 'prom-client' ? variant : 'orchestrator';
  const child = fork(join(__dirname, 'cluster-process.js'), [what, String(workers), String(port)], {
    env: { ...process.env, ORCHESTRATOR_PREFIX: `bench${workers}`, ...environment },
  });
  await once(child, 'message');
  const url = `http://127.0.0.1:${port}/metrics`;
  await complete(url, workers);
  return { variant, child, url, ms: [] };
}

/** Waits until all workers are in the answer: each has observed every series as often as any other. */
async function complete(url: string, workers: number): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const count = await fetch(url).then(
      async (response) => /_count\{.*orders\/7"\} (\d+)/.exec(await response.text())?.[1],
      () => undefined,
    );
    if (Number(count ?? 0) >= 2 * workers) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer for ${workers} workers`);
}

async function scrape(url: string): Promise<number> {
  const begin = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - begin;
}

function print(text: string): void {
  process.stdout.write(text);
}

void main();
