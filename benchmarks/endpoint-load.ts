/**
 * What the application's own requests feel while clients of the metrics port behave badly: their p99 against that of the same
 * process at peace. Windows with and without an attack take turns, so that whatever else the machine does shows in both.
 * Clients are processes of their own.
 *
 *     npm run build && node dist/benchmarks/endpoint-load.js [windows of each kind]
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { hashPassword } from '../src/server/access/password-hash.js';
import { Scraper } from '../src/server/scrape/scraper.js';
import { ask, listen, type Report, runClient } from './application-client.js';
import { endpointOf } from './endpoints.js';
import { median } from './rounds.js';
import { newExposition, snapshotOf } from './scrape-data.js';

const WINDOWS = Number(process.argv[2] ?? 5);
const WINDOW_SECONDS = 4;
const CLIENTS = 1000;
/** Of 18 lines: 1.6 MB of text. */
const SERIES = 290;
/** A client whose connection has ended comes back after as long. */
const PAUSE_MS = 1000;

/** What each of the clients sends, by the name of the attack. Then it reads, or does not, and sends a byte now and then, or not. */
const ATTACKS = {
  'scrapes at once, not packed': { says: scrape(''), reads: true, dribbles: '' },
  'scrapes at once, gzip': { says: scrape('Accept-Encoding: gzip\r\n'), reads: true, dribbles: '' },
  'headers that never end': {
    says: 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n',
    reads: true,
    dribbles: 'X-a: b\r\n',
  },
  'connections that say nothing': { says: '', reads: true, dribbles: '' },
  'scrapers that read nothing': { says: scrape(''), reads: false, dribbles: '' },
  'wrong passwords': {
    says: scrape(
      `Authorization: Basic ${Buffer.from('prometheus:wrong').toString('base64')}\r\n`,
      '/guarded',
    ),
    reads: true,
    dribbles: '',
  },
} as const;
type Attack = keyof typeof ATTACKS;

function scrape(headers: string, path = '/metrics'): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
}

async function main(): Promise<void> {
  const snapshot = snapshotOf(SERIES);
  const scraper = new Scraper(async () => snapshot, newExposition());
  const open = endpointOf([]);
  const guarded = endpointOf([`prometheus:${await hashPassword('right')}`]);
  const metrics = open.createServer(async (request, response) => {
    if (request.url === '/guarded' && !(await guarded.access.admit(request, response, 'endpoint'))) return;
    await scraper.serve(request, response);
  });
  const application = createServer((_request, response) => void response.end('{"ok":true}'));
  const [port, metricsPort] = [await listen(application), await listen(metrics)];
  const client = fork(__filename, ['client', String(port)]);
  const attackers = fork(__filename, ['attackers', String(metricsPort)]);
  const measure = (seconds: number): Promise<Report> => ask<Report>(client, seconds);

  await measure(2);
  print(
    `Node ${process.version}, ${CLIENTS} clients, an exposition of 1.6 MB, ${WINDOWS} windows of ${WINDOW_SECONDS} s each, medians\n\n`,
  );
  print(
    '| the application’s own requests while there are | p99 ms | p99 ms at peace | ratio | answered scrapes a second |\n|---|---|---|---|---|\n',
  );
  for (const attack of Object.keys(ATTACKS) as Attack[]) {
    const [peace, busy, answered]: [Report[], Report[], number[]] = [[], [], []];
    for (let window = 0; window < WINDOWS; window += 1) {
      peace.push(await measure(WINDOW_SECONDS));
      attackers.send(attack);
      // The first moment, in which all of them connect at once, counts too.
      busy.push(await measure(WINDOW_SECONDS));
      answered.push(await ask<number>(attackers, 'stop'));
      await sleep(1500);
    }
    const ratio = median(busy.map(({ p99 }, window) => p99 / (peace[window]?.p99 ?? Number.NaN)));
    const cells = [
      median(busy.map(({ p99 }) => p99)).toFixed(2),
      median(peace.map(({ p99 }) => p99)).toFixed(2),
      ratio.toFixed(2),
      (median(answered) / WINDOW_SECONDS).toFixed(0),
    ];
    print(`| ${attack} | ${cells.join(' | ')} |\n`);
  }
  client.disconnect();
  attackers.disconnect();
  for (const server of [application, metrics]) {
    server.close();
    server.closeAllConnections();
  }
}

function runAttackers(port: number): void {
  let attack: Attack | undefined;
  let answered = 0;
  const sockets = new Set<Socket>();
  const begin = (): void => {
    if (attack === undefined) return;
    const { says, reads, dribbles } = ATTACKS[attack];
    const socket = connect(port, '127.0.0.1', () => socket.write(says));
    sockets.add(socket);
    const timer =
      dribbles === '' ? undefined : setInterval(() => socket.writable && socket.write(dribbles), 1000);
    let bytes = 0;
    socket.on('error', () => undefined);
    if (reads) socket.on('data', (piece: Buffer) => (bytes += piece.length));
    socket.on('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
      if (bytes > 10_000) answered += 1;
      setTimeout(begin, PAUSE_MS);
    });
  };
  process.on('message', (message: Attack | 'stop') => {
    if (message === 'stop') {
      attack = undefined;
      process.send?.(answered);
      answered = 0;
      for (const socket of sockets) socket.destroy();
      return;
    }
    attack = message;
    for (let one = 0; one < CLIENTS; one += 1) begin();
  });
}

function print(text: string): void {
  process.stdout.write(text);
}

const [role, port] = process.argv.slice(2);
if (role === 'client') runClient(Number(port));
else if (role === 'attackers') runAttackers(Number(port));
else void main();
