/**
 * What the application's own requests feel while fifty people look at the live page, which the application's process serves,
 * against one and none. Windows of each kind take turns, so that whatever else the machine does shows in all. Viewers are a
 * process of their own, and ask as the page asks.
 *
 *     npm run build && node dist/benchmarks/page-viewers.js [windows of each kind]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import type { Snapshot } from '../src/model/snapshot.js';
import { Endpoint } from '../src/server/endpoint/endpoint.js';
import { PageEndpoint } from '../src/server/page-endpoint.js';
import { Scraper } from '../src/server/scrape/scraper.js';
import { median } from './rounds.js';
import { newExposition, snapshotOf } from './scrape-data.js';

const WINDOWS = Number(process.argv[2] ?? 5);
const WINDOW_SECONDS = 9;
/** Of 18 lines: every process of the benchmark has as many routes. */
const SERIES = 200;
/** As the page asks. */
const EVERY_MS = 3000;
const KINDS = [0, 1, 50] as const;

/** Milliseconds. */
interface Report {
  readonly p50: number;
  readonly p99: number;
}

interface Window extends Report {
  /** Of the process, milliseconds a second. */
  readonly cpu: number;
}

async function main(): Promise<void> {
  const snapshots = growing(100);
  let read = 0;
  const next = async (): Promise<Snapshot> => snapshots[(read += 1) % snapshots.length] ?? snapshotOf(SERIES);
  const scraper = new Scraper(next, newExposition());
  const page = new PageEndpoint({ access: endpoint().access, isOfMany: false });
  const live = page.open({
    project: 'shop',
    prefix: 'shop',
    store: 'memory',
    scraper,
  });
  const metrics = endpoint().createServer((request, response) =>
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
  viewers.disconnect();
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

function endpoint(): Endpoint {
  const none = {
    metricsTokenFile: undefined,
    metricsBasicAuthFile: undefined,
    wipeToken: undefined,
    wipeTokenFile: undefined,
  };
  const tls = {
    metricsTlsCert: undefined,
    metricsTlsKey: undefined,
    metricsTlsMinVersion: 'TLSv1.2',
    metricsClientCa: undefined,
  } as const;
  const settings = { ...none, ...tls, metricsToken: [], metricsBasicAuth: [], metricsAllowedHosts: [] };
  return new Endpoint(settings, '127.0.0.1', () => undefined);
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

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask<T>(child: ChildProcess, message: number): Promise<T> {
  child.send(message);
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

/** One request every 5 ms, each with its own time; not as fast as possible, which would measure the client. */
function runClient(port: number): void {
  const agent = new Agent({ keepAlive: true });
  const measure = async (seconds: number): Promise<void> => {
    const times: number[] = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const start = performance.now();
      await fetched({ port, agent });
      times.push(performance.now() - start);
      await sleep(5);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
    process.send?.({ p50: at(0.5), p99: at(0.99) } satisfies Report);
  };
  process.on('message', (seconds: number) => void measure(seconds));
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
