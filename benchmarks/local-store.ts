/**
 * What the local store costs the application's event loop: this process flushes 300 histogram series of 16 buckets once a
 * second while 8 other processes do the same to the same store. Seconds with and without a flush of this process take turns
 * under the same load, so that what the machine does shows in both; the difference is ours.
 *
 *     npm run build && node dist/benchmarks/local-store.js [seconds of each kind]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { familyKey, type Family } from '../src/model/family.js';
import { makeSeries } from '../src/model/series.js';
import { createLocalStore } from '../src/store/local/local-store.js';
import type { DeltaBatch } from '../src/model/delta-batch.js';
import type { MetricStore } from '../src/store/metric-store.js';

const WRITERS = 8;
const SERIES = 300;
const INTERVAL_MS = 1000;
const ROUNDS = Number(process.argv[2] ?? 30);
const UNCOUNTED = 5;
const WRITER = path.join(__dirname, '../test/fixtures/store/writer.js');

const boundaries = Array.from({ length: 15 }, (_, index) => 0.001 * 2 ** index);
const described = { name: 'duration', type: 'histogram', unit: 's', boundaries } as const;
const family: Family = { ...described, help: '', key: familyKey(described) };
const points = Array.from({ length: SERIES }, (_, index) => ({
  series: makeSeries({ name: 'writer' }, [['route', `/items/${index}`]]),
  values: [0.5 + index, ...boundaries.map((_bound, bucket) => (index + bucket) % 7), 1],
}));

/** One entry for each second. */
interface Seconds {
  readonly longestMs: number[];
  readonly p99Ms: number[];
  /** Event loop time, whatever it was spent on. */
  readonly activeMs: number[];
}

const newSeconds = (): Seconds => ({ longestMs: [], p99Ms: [], activeMs: [] });
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'bench-local-'));
  const writers = Array.from({ length: WRITERS }, (_, index) =>
    spawn(
      process.execPath,
      [
        WRITER,
        directory,
        path.join(directory, `ledger-${index}`),
        '1000000',
        String(SERIES),
        String(INTERVAL_MS),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    ),
  );
  const store = open(directory);
  try {
    await sleep(3000);
    await measure(store);
  } finally {
    await Promise.all(writers.map(stop));
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(store: MetricStore): Promise<void> {
  let sequence = 0;
  const applyMs: number[] = [];
  const flush = async (): Promise<void> => {
    sequence += 1;
    const start = performance.now();
    await store.apply(batchOf(sequence));
    applyMs.push(performance.now() - start);
  };
  const flushAndScrape = async (): Promise<void> => {
    await flush();
    const start = performance.now();
    await store.snapshot();
    snapshotMs.push(performance.now() - start);
  };
  const snapshotMs: number[] = [];
  for (let round = 0; round < UNCOUNTED; round += 1) await second(newSeconds(), flushAndScrape);
  const [without, flushing, scraped] = [newSeconds(), newSeconds(), newSeconds()];
  for (let round = 0; round < ROUNDS; round += 1) {
    await second(without, async () => undefined);
    // What the others wrote meanwhile is read here, so that each counted flush reads one second of it.
    await flush();
    await second(flushing, flush);
    await second(scraped, flushAndScrape);
  }
  const { length } = (await store.snapshot()).families.flatMap((one) => one.series);
  print(
    `Node ${process.version}, ${WRITERS} other processes that flush ${SERIES} histograms of 16 buckets every second`,
  );
  print(`${length} series in the store, ${ROUNDS} seconds each\n`);
  print('| in a second, this process | longest stall ms: median, p90 | p99 ms | event loop time ms |');
  print('|---|---|---|---|');
  printSeconds('does nothing', without);
  printSeconds('flushes', flushing);
  printSeconds('flushes and is scraped', scraped);
  print(
    `\nflush, from call to answer: ${quantile(applyMs, 0.5).toFixed(1)} ms; snapshot: ${quantile(snapshotMs, 0.5).toFixed(1)} ms`,
  );
}

async function second(into: Seconds, work: () => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = performance.eventLoopUtilization();
  await Promise.all([work(), sleep(INTERVAL_MS)]);
  const { active } = performance.eventLoopUtilization(before);
  delay.disable();
  // The histogram counts the timer's own period of 1 ms.
  into.longestMs.push(delay.max / 1e6 - 1);
  into.p99Ms.push(delay.percentile(99) / 1e6 - 1);
  into.activeMs.push(active);
}

function batchOf(sequence: number): DeltaBatch {
  return {
    sequence,
    resource: [],
    collectedAt: performance.now(),
    deltas: [{ family, points }],
    current: [],
  };
}

function open(directory: string): MetricStore {
  return createLocalStore(
    {
      prefix: 'shop',
      project: 'shop',
      lease: 'measured',
      leaseMs: 600_000,
      ttlMs: 3_600_000,
      maxSeries: 5000,
      warn: print,
    },
    { directory },
  );
}

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function printSeconds(name: string, { longestMs, p99Ms, activeMs }: Seconds): void {
  const stall = `${quantile(longestMs, 0.5).toFixed(1)}, ${quantile(longestMs, 0.9).toFixed(1)}`;
  print(
    `| ${name} | ${stall} | ${quantile(p99Ms, 0.5).toFixed(2)} | ${quantile(activeMs, 0.5).toFixed(1)} |`,
  );
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN;
}

void main();
