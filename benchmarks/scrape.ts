/**
 * Rendering of one scrape: ours against prom-client 15 and OpenTelemetry's PrometheusSerializer, all in one run, taking turns,
 * so that a busy machine slows all of them. Ratios are what counts; milliseconds are for orientation.
 *
 *     npm run build && node dist/benchmarks/scrape.js [rounds]
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';

import { newExposition, registryOf, resourceMetricsOf, snapshotOf } from './scrape-data.js';
import { median } from './rounds.js';

const SERIES = 1000;
const LARGE_LINES = 100_000;
const LINES_PER_SERIES = 18;
const ROUNDS = Number(process.argv[2] ?? 5);
const UNCOUNTED = 3;
const COUNTED = 5;

const ACCEPT = {
  text: '*/*',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const;

interface Candidate {
  readonly name: string;
  /** Resolves with the bytes of the answer. */
  readonly scrape: () => Promise<number>;
}

async function main(): Promise<void> {
  print(
    `Node ${process.version}, ${SERIES} histograms of 16 buckets, ${ROUNDS * COUNTED} runs each, medians\n\n`,
  );
  await stalls();
  await compare();
}

async function compare(): Promise<void> {
  const candidates = makeCandidates();
  const times = await measure(candidates);
  const ours = times.get('orchestrator, text') ?? Number.NaN;
  print('| candidate | ms | times ours | MB |\n|---|---|---|---|\n');
  for (const { name, scrape } of candidates) {
    const ms = times.get(name) ?? Number.NaN;
    print(
      `| ${name} | ${ms.toFixed(2)} | ${(ms / ours).toFixed(1)} | ${((await scrape()) / 1e6).toFixed(2)} |\n`,
    );
  }
}

function makeCandidates(): Candidate[] {
  const snapshot = snapshotOf(SERIES);
  const exposition = newExposition();
  const registry = registryOf(SERIES);
  const metrics = resourceMetricsOf(SERIES);
  const ours = (accept: string) => async (): Promise<number> => {
    let bytes = 0;
    for await (const piece of exposition.render(snapshot, accept).body) bytes += piece.length;
    return bytes;
  };
  return [
    // Comes after the serializer, whose garbage is 50 times that of the others.
    {
      name: 'orchestrator, text, first scrape of a process',
      scrape: async () => {
        let bytes = 0;
        for await (const piece of newExposition().render(snapshot, ACCEPT.text).body) bytes += piece.length;
        return bytes;
      },
    },
    { name: 'orchestrator, text', scrape: ours(ACCEPT.text) },
    { name: 'orchestrator, OpenMetrics', scrape: ours(ACCEPT.openmetrics) },
    { name: 'orchestrator, protobuf', scrape: ours(ACCEPT.protobuf) },
    // A server sends bytes: encoding is part of the answer.
    { name: 'prom-client 15', scrape: async () => Buffer.from(await registry.metrics()).length },
    {
      name: 'PrometheusSerializer',
      scrape: async () => Buffer.from(new PrometheusSerializer().serialize(metrics)).length,
    },
  ];
}

/**
 * Rounds in which everyone has a turn of several scrapes. The first ones of a turn are not counted: they pay for the
 * garbage of the candidate before. Each one's own garbage is collected within its turn.
 */
async function measure(candidates: readonly Candidate[]): Promise<Map<string, number>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { name, scrape } of candidates) {
      const own = times.get(name) ?? [];
      times.set(name, own);
      for (let run = 0; run < UNCOUNTED + COUNTED; run += 1) {
        await nextTurn();
        const start = performance.now();
        await scrape();
        if (round > 0 && run >= UNCOUNTED) own.push(performance.now() - start);
      }
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]));
}

/**
 * The longest time in which nothing else of the process could run, while 100,000 lines were rendered. Counted in CPU time of
 * the process where that is less than the time on the wall: on a busy machine the rest is other processes.
 */
async function stalls(): Promise<void> {
  const snapshot = snapshotOf(Math.ceil(LARGE_LINES / LINES_PER_SERIES));
  print(`${LARGE_LINES} lines: longest stall of the event loop, ms\n\n`);
  print(
    '| format | first scrape | later scrapes | ten scrapes at once | time of one scrape |\n|---|---|---|---|---|\n',
  );
  for (const [format, accept] of Object.entries(ACCEPT)) {
    const exposition = newExposition();
    const scrape = async (): Promise<void> => {
      for await (const _ of exposition.render(snapshot, accept).body);
    };
    const first = await longestGap(scrape);
    const later: number[] = [];
    const times: number[] = [];
    for (let run = 0; run < 10; run += 1) {
      const start = performance.now();
      later.push(await longestGap(scrape));
      times.push(performance.now() - start);
    }
    const tenfold = await longestGap(() => Promise.all(Array.from({ length: 10 }, scrape)));
    const columns = [first, median(later), tenfold, median(times)].map((ms) => ms.toFixed(1));
    print(`| ${format} | ${columns.join(' | ')} |\n`);
  }
  print('\n');
}

async function longestGap(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let wall = performance.now();
  let cpu = cpuMs();
  let running = true;
  const turn = (): void => {
    const [wallNow, cpuNow] = [performance.now(), cpuMs()];
    longest = Math.max(longest, Math.min(wallNow - wall, cpuNow - cpu));
    [wall, cpu] = [wallNow, cpuNow];
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  running = false;
  await nextTurn();
  return longest;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function print(text: string): void {
  process.stdout.write(text);
}

void main();
