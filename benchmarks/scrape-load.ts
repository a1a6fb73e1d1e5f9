/**
 * What the application's own requests feel while ten scrapers at once read 100,000 lines, over and over: their p99 against that
 * of the same process without scrapes, and the memory before and after. Clients are processes of their own.
 *
 *     npm run build && node dist/benchmarks/scrape-load.js [seconds]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Scraper } from '../src/server/scraper.js';
import { newExposition, snapshotOf } from './scrape-data.js';

const LINES = 100_000;
const LINES_PER_SERIES = 18;
const SCRAPERS = 10;
const SECONDS = Number(process.argv[3] ?? process.argv[2] ?? 10);

interface Report {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

async function main(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const snapshot = snapshotOf(Math.ceil(LINES / LINES_PER_SERIES));
  const scraper = new Scraper(() => Promise.resolve(snapshot), newExposition());
  const server = createServer((request, response) => {
    if (request.url === '/metrics') void scraper.serve(request, response);
    else response.end('{"ok":true}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  // Both clients are warm, and the labels rendered, before anything is measured.
  await measure(port, 2);
  const warm = startScrapers(port);
  await measure(port, 2);
  await stop(warm);

  const idle = await measure(port, SECONDS);
  collectGarbage();
  const before = process.memoryUsage();
  const scrapers = startScrapers(port);
  await sleep(500);
  const busy = await measure(port, SECONDS);
  const during = process.memoryUsage();
  const scrapes = await stop(scrapers);
  await sleep(500);
  collectGarbage();
  const after = process.memoryUsage();
  server.close();
  server.closeAllConnections();

  print(`Node ${process.version}, ${LINES} lines, ${SCRAPERS} scrapers, ${SECONDS} s each\n\n`);
  print('| | requests | p50 ms | p99 ms |\n|---|---|---|---|\n');
  print(`| without scrapes | ${idle.requests} | ${idle.p50.toFixed(2)} | ${idle.p99.toFixed(2)} |\n`);
  print(
    `| with ${scrapes} scrapes | ${busy.requests} | ${busy.p50.toFixed(2)} | ${busy.p99.toFixed(2)} |\n\n`,
  );
  print(
    `p99 ${(busy.p99 / idle.p99).toFixed(1)} x; heap and buffers ${mb(before)} MB before, ${mb(during)} during, ${mb(after)} after\n`,
  );
}

/** One request every 5 ms, each with its own time; not as fast as possible, which would measure the client. */
async function measure(port: number, seconds: number): Promise<Report> {
  const child = fork(__filename, ['client', String(seconds), String(port)]);
  const [report] = (await once(child, 'message')) as [Report];
  return report;
}

function startScrapers(port: number): ChildProcess {
  return fork(__filename, ['scrapers', '0', String(port)]);
}

async function stop(scrapers: ChildProcess): Promise<number> {
  scrapers.send('stop');
  const [count] = (await once(scrapers, 'message')) as [number];
  return count;
}

async function client(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  const end = performance.now() + SECONDS * 1000;
  while (performance.now() < end) {
    const start = performance.now();
    await fetchAll(port, '/', agent);
    times.push(performance.now() - start);
    await sleep(5);
  }
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  process.send?.({ p50: at(0.5), p99: at(0.99), requests: times.length } satisfies Report, () =>
    process.disconnect(),
  );
}

async function scrapeForever(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const stopped = new AbortController();
  let count = 0;
  process.once('message', () => stopped.abort());
  const scrape = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await fetchAll(port, '/metrics', agent);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: SCRAPERS }, scrape));
  agent.destroy();
  process.send?.(count, () => process.disconnect());
}

async function fetchAll(port: number, path: string, agent: Agent): Promise<void> {
  const request = get({ port, path, host: '127.0.0.1', agent, headers: { 'Accept-Encoding': 'gzip' } });
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}

function mb({ heapUsed, external }: NodeJS.MemoryUsage): string {
  return ((heapUsed + external) / 1e6).toFixed(0);
}

function print(text: string): void {
  process.stdout.write(text);
}

const [role, , port] = process.argv.slice(2);
if (role === 'client') void client(Number(port));
else if (role === 'scrapers') void scrapeForever(Number(port));
else void main();
