/**
 * What the application's own requests feel while ten scrapers that never pause read 100,000 lines out of Redis: their p99
 * against that of the same process without scrapes. Windows with and without scrapes take turns, so that whatever else the
 * machine does shows in both. Clients are processes of their own. Needs `redis-server`.
 *
 *     npm run build && node dist/benchmarks/scrape-load.js [windows of each kind]
 */
import { fork } from 'node:child_process';
import { Agent, createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { createStore } from '../src/start/open-store.js';
import { Scraper } from '../src/server/scrape/scraper.js';
import type { MetricStore } from '../src/store/metric-store.js';
import { ask, listen, type Report, runClient, timeOf } from './application-client.js';
import { startRedis } from './redis-process.js';
import { median } from './rounds.js';
import { newExposition, snapshotOf } from './scrape-data.js';

const LINES = 100_000;
const LINES_PER_SERIES = 18;
const SCRAPERS = 10;
const WINDOWS = Number(process.argv[2] ?? 7);
const WINDOW_SECONDS = 4;
/** Clients and code are warm, and the labels rendered, before anything counts. */
const WARM_UP_SECONDS = 2;

async function main(): Promise<void> {
  const redis = await startRedis();
  const store = await filledStore(redis.url);
  const scraper = new Scraper(() => store.snapshot(), newExposition());
  const server = createServer((request, response) => {
    if (request.url === '/metrics') void scraper.serve(request, response);
    else response.end('{"ok":true}');
  });
  const port = String(await listen(server));
  const client = fork(__filename, ['client', port]);
  const scrapers = fork(__filename, ['scrapers', port]);
  const measure = (seconds: number): Promise<Report> => ask<Report>(client, seconds);

  await measure(WARM_UP_SECONDS);
  scrapers.send('start');
  await measure(WARM_UP_SECONDS);
  await ask(scrapers, 'stop');

  const before = memoryMb();
  const idle: Report[] = [];
  const busy: Report[] = [];
  let during = 0;
  let scrapes = 0;
  for (let window = 0; window < WINDOWS; window += 1) {
    idle.push(await measure(WINDOW_SECONDS));
    scrapers.send('start');
    busy.push(await measure(WINDOW_SECONDS));
    during = Math.max(during, memoryMb(false));
    scrapes += await ask<number>(scrapers, 'stop');
  }
  await sleep(500);
  const after = memoryMb();
  client.disconnect();
  scrapers.disconnect();
  server.close();
  server.closeAllConnections();
  await store.close();
  await redis.end();

  const ratio = median(busy.map(({ p99 }, window) => p99 / (idle[window]?.p99 ?? Number.NaN)));
  print(`Node ${process.version}, ${LINES} lines from Redis, ${SCRAPERS} scrapers without a pause, `);
  print(`${WINDOWS} windows of ${WINDOW_SECONDS} s each, medians\n\n`);
  print('| the application’s own requests | p50 ms | p99 ms |\n|---|---|---|\n');
  print(`| without scrapes | ${row(idle)} |\n| with ${scrapes} scrapes | ${row(busy)} |\n\n`);
  print(`p99 with scrapes, times that without: ${ratio.toFixed(2)} (budget 2). `);
  print(`Heap and buffers: ${before} MB before, at most ${during} during, ${after} after.\n`);
}

async function filledStore(redisUrl: string): Promise<MetricStore> {
  const store = createStore({ prefix: 'bench', redisUrl });
  const { families } = snapshotOf(Math.ceil(LINES / LINES_PER_SERIES));
  const deltas = families.map(({ family, series }) => ({
    family,
    points: series.map((one) => ({ series: one.series, values: Array.from(one.values) })),
  }));
  await store.apply({ sequence: 1, resource: [], collectedAt: performance.now(), deltas, current: [] });
  return store;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memoryMb(collected = true): number {
  if (collected) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1e6);
}

function row(reports: readonly Report[]): string {
  return [median(reports.map(({ p50 }) => p50)), median(reports.map(({ p99 }) => p99))]
    .map((ms) => ms.toFixed(2))
    .join(' | ');
}

function runScrapers(port: number): void {
  const agent = new Agent({ keepAlive: true });
  let running = false;
  let count = 0;
  let all: Promise<unknown> = Promise.resolve();
  const scrape = async (): Promise<void> => {
    for (; running; count += 1) await timeOf(port, '/metrics', agent);
  };
  process.on('message', (message: 'start' | 'stop') => {
    running = message === 'start';
    if (running) {
      count = 0;
      all = Promise.all(Array.from({ length: SCRAPERS }, scrape));
    } else void all.then(() => process.send?.(count));
  });
}

function print(text: string): void {
  process.stdout.write(text);
}

const [role, port] = process.argv.slice(2);
if (role === 'client') runClient(Number(port));
else if (role === 'scrapers') runScrapers(Number(port));
else void main();
