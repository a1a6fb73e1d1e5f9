/**
 * What the application's own requests feel while fifty people look at the live page, which the application's process serves,
 * against one and none. Windows of each kind take turns, so that whatever else the machine does shows in all. Viewers are a
 * process of their own, and ask as the page asks.
 *
 *     npm run build && node dist/benchmarks/page-viewers.js [windows of each kind]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import type { Snapshot } from '../src/model/snapshot.js';
import { PageEndpoint } from '../src/server/page-endpoint.js';
import { Scraper } from '../src/server/scrape/scraper.js';
import { ask, listen, type Report, runClient } from './application-client.js';
import { endpointOf } from './endpoints.js';
import { median } from './rounds.js';
import { newExposition, snapshotOf } from './scrape-data.js';

const WINDOWS = Number(process.argv[2] ?? 5);
const WINDOW_SECONDS = 9;
/** Of 18 lines: every process of the benchmark has as many routes. */
const SERIES = 200;
/** As the page asks. */
const EVERY_MS = 3000;
const KINDS = [0, 1, 50] as const;

interface Window extends Report {
  /** Of the process, milliseconds a second. */
  readonly cpu: number;
}

async function main(): Promise<void> {
  const snapshots = growing(100);
  let read = 0;
  const next = async (): Promise<Snapshot> => snapshots[(read += 1) % snapshots.length] ?? snapshotOf(SERIES);
  const scraper = new Scraper(next, newExposition());
  const page = new PageEndpoint({ access: endpointOf([]).access, isOfMany: false });
  const live = page.open({
    project: 'shop',
    prefix: 'shop',
    store: 'memory',
    scraper,
  });
  const metrics = endpointOf([]).createServer((request, response) =>
    page.answer(request, response, { project: async () => live }),
  );
  const application = createServer(
    (_request: IncomingMessage, response: ServerResponse) => void response.end('{"ok":true}'),
  );
  const [port, pagePort] = [await listen(application), await listen(metrics)];
  const client = fork(__filename, ['client', String(port)]);
  const viewers = fork(__filename, ['viewers', String(pagePort)]);
  await ask<Report>(client, 2);
  const windows = new Map<number, Window[]>(KINDS.map((kind) => [kind, []]));
  for (let round = 0; round < WINDOWS; round += 1) {
    for (const kind of KINDS) {
      viewers.send(kind);
      // Those who come are there, and those who have gone are gone: nobody looks any more.
      await sleep(1000);
      if (kind === 0) live.end();
      const before = process.cpuUsage();
      const report = await ask<Report>(client, WINDOW_SECONDS);
      const { user, system } = process.cpuUsage(before);
      windows.get(kind)?.push({ ...report, cpu: (user + system) / 1000 / WINDOW_SECONDS });
    }
  }
  print(windows);
  client.disconnect();
  // They go on asking: before the server is gone.
  viewers.kill();
  await once(viewers, 'exit');
  live.end();
  for (const server of [application, metrics]) {
    server.close();
    server.closeAllConnections();
  }
}

/** Made before: a store that is read would cost the same for one viewer and for fifty. */
function growing(count: number): Snapshot[] {
  const first = snapshotOf(SERIES);
  return Array.from({ length: count }, (_, round) => ({
    ...first,
    families: first.families.map(({ family, series }) => ({
      family,
      series: series.map((one) => ({
        ...one,
        values: Array.from(one.values, (value) => value * (round + 1)),
      })),
    })),
  }));
}

function print(windows: ReadonlyMap<number, readonly Window[]>): void {
  const none = windows.get(0) ?? [];
  const lines = KINDS.map((kind) => {
    const own = windows.get(kind) ?? [];
    const ratio = median(own.map(({ p99 }, window) => p99 / (none[window]?.p99 ?? Number.NaN)));
    const cells = [
      median(own.map(({ p50 }) => p50)).toFixed(2),
      median(own.map(({ p99 }) => p99)).toFixed(2),
      ratio.toFixed(2),
      median(own.map(({ cpu }) => cpu)).toFixed(1),
    ];
    return `| ${kind === 0 ? 'nobody' : kind} | ${cells.join(' | ')} |\n`;
  });
  process.stdout.write(
    `Node ${process.version}, ${SERIES} series of 16 buckets, ${WINDOWS} windows of ${WINDOW_SECONDS} s each, medians\n\n` +
      '| viewers of the page | p50 ms | p99 ms | p99, ratio to nobody | CPU of the process, ms a second |\n|---|---|---|---|---|\n' +
      lines.join(''),
  );
}

/** As many as they are told to be; each comes at a moment of its own, with nothing, and then asks for what is new. */
function runViewers(port: number): void {
  let generation = 0;
  const look = async (own: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true });
    let [history, last] = ['', 0];
    await sleep(Math.random() * 1000);
    while (own === generation) {
      const path = `/page/live?history=${history}&after=${last}`;
      const { body } = await fetched({ port, agent, path, headers: { 'Accept-Encoding': 'gzip' } });
      ({ history, last } = JSON.parse(body) as { history: string; last: number });
      await sleep(EVERY_MS);
    }
    agent.destroy();
  };
  process.on('message', (count: number) => {
    generation += 1;
    for (let one = 0; one < count; one += 1) void look(generation);
  });
}

async function fetched(options: RequestOptions): Promise<{ body: string }> {
  const [response] = (await once(get({ ...options, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  const isZipped = response.headers['content-encoding'] === 'gzip';
  return { body: (isZipped ? gunzipSync(body) : body).toString() };
}

const [role, port] = process.argv.slice(2);
if (role === 'client') runClient(Number(port));
else if (role === 'viewers') runViewers(Number(port));
else void main();
